"""What training costs beside bare stepping."""
