"""Other ecosystems as environments and agents of this package; importing the package imports none of them."""
