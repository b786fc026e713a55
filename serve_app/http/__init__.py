"""The HTTP application: routes by API family, and what they share."""
