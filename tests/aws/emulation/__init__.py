"""AWS and StarRocks on this machine, as far as the tests need them."""
