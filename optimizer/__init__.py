"""Everything a quant would recognise; never learns who asked or how it is told."""
