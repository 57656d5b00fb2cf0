"""Azure's public price list, as its endpoint serves it, with prices that are made up."""
