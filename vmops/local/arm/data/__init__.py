"""What the local Azure offers: sizes, images, locations, and the shapes of resources."""
