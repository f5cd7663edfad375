#pragma once

#include "api/agent_protocol.h"

// Private to api's _json.cpp files: defines what agent_protocol.h declares for the messages whose tables the
// including file holds.

namespace gantry::api {

template <class Message>
Result<Message> parse_message(const Frame& frame, std::string_view source) {
  return parse_json<Message>(frame.message.text.empty() ? "{}" : frame.message.text,
                             format("{} {}", source, Message::type));
}

template <class Message>
std::string to_frame(const Message& message) {
  return format(R"({{"type":"{}","message":{}}})", Message::type, to_json(message));
}

#define GANTRY_FRAME(Message)                                                      \
  template Result<Message> parse_message<Message>(const Frame&, std::string_view); \
  template std::string to_frame<Message>(const Message&);

}  // namespace gantry::api
