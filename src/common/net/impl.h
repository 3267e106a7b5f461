// Inside of common/net only: the loop's Asio objects, and how a connected socket becomes a Stream.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/net/net.h"

namespace nezu::net {

struct EventLoop::Impl {
  // One scratch buffer a loop: what is read lives only during the read's handler, so that an idle connection costs no buffer.
  std::array<char, 64 * 1024> scratch;
  std::atomic<bool> stop_wanted = false;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::function<void(int)> signal_handler;
  std::optional<boost::asio::signal_set> signals;
};

using Socket = boost::asio::generic::stream_protocol::socket;

// Takes a connected socket over: non-blocking, and for TCP no delay and keep-alive.
std::unique_ptr<Stream> make_stream(EventLoop& loop, Socket socket, std::string peer, bool tcp);

// "what: reason", with a code by its meaning.
Error make_error(const boost::system::error_code& ec, const std::string& what);

}  // namespace nezu::net
