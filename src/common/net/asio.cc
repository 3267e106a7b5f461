// The compiled part of Asio, once for all programs (BOOST_ASIO_SEPARATE_COMPILATION is set for everyone who links this module).
#include <boost/asio/impl/src.hpp>
