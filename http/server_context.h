#pragma once

// Internal to the server: what its connections share. Includes Boost; only the server's .cpp files include
// it.

#include "http/server.h"
#include "http/stream.h"
#include "http/worker_pool.h"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

namespace gantry::http {

// A connection or a websocket as the server sees it when it stops. Called on the loop's thread.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void finish() = 0;  // end after what is going on
  virtual void abort() = 0;   // close the socket now
};

// The loop's thread owns `peers` and `stopping`.
struct ServerContext {
  ServerContext(const ServerOptions& server_options, std::shared_ptr<Handler> server_handler)
      : options(server_options), handler(std::move(server_handler)), loop(1), pool(options.worker_threads) {}

  ServerOptions options;
  std::shared_ptr<Handler> handler;
  asio::io_context loop;
  std::optional<asio::ssl::context> tls;
  bool stopping = false;
  std::set<Peer*> peers;
  std::function<void()> on_peer_gone;  // room for another connection
  std::mutex live_mutex;
  std::condition_variable live_changed;
  size_t live = 0;  // connections and websockets that haven't ended
  WorkerPool pool;  // last: joined before what its jobs use goes

  void add(Peer* peer) {
    peers.insert(peer);
    const std::lock_guard lock(live_mutex);
    ++live;
  }
  void remove(Peer* peer) {
    if (peers.erase(peer) == 0) return;
    {
      const std::lock_guard lock(live_mutex);
      --live;
    }
    live_changed.notify_all();
    if (on_peer_gone) on_peer_gone();
  }
};

}  // namespace gantry::http
