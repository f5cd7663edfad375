#include "http/connection_answer.h"
#include "http/connection_request.h"
#include "http/remote_address.h"

namespace gantry::http {

void serve_tls(std::shared_ptr<ServerContext> context, TcpSocket socket) {
  auto remote_address = describe_peer(socket);
  TlsStream stream(TcpStream(std::move(socket)), *context->tls);
  const auto connection = std::make_shared<Connection<TlsStream>>(std::move(context), std::move(stream),
                                                                  std::move(remote_address));
  connection->limit(connection->options().header_limit);
  connection->stream().async_handshake(asio::ssl::stream_base::server,
                                       [connection](const boost::system::error_code& code) {
                                         if (!code) connection->read_head();
                                       });
}

}  // namespace gantry::http
