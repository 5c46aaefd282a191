// The one definition of the symbol that names the Asio version this library was compiled with.
#include <adit/detail/abi.hpp>

extern "C" const int ADIT_ABI_SYMBOL = ASIO_VERSION;
