"""What faces the user: the builder, the graph in its order, HTTP and the command line."""
