#include "http/connection_answer.h"
#include "http/connection_request.h"
#include "http/remote_address.h"

namespace gantry::http {

void serve_plain(std::shared_ptr<ServerContext> context, TcpSocket socket) {
  auto remote_address = describe_peer(socket);
  TcpStream stream(std::move(socket));
  const auto connection = std::make_shared<Connection<TcpStream>>(std::move(context), std::move(stream),
                                                                  std::move(remote_address));
  connection->read_head();
}

}  // namespace gantry::http
