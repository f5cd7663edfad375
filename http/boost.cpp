// Asio's and Beast's non-template parts, compiled once for the whole module.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
