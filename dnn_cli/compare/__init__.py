"""What finished runs show beside each other."""
