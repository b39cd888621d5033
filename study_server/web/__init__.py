"""The web application: pages, JSON interface, images, the server that runs them."""
