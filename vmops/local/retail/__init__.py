"""Azure's public price list, as its endpoint serves it, with made-up prices."""
