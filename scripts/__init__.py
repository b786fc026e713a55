"""What is run by hand, beside the package: preparing AWS, hosts to try a cluster on."""
