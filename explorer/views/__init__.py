"""Views, one file each; none knows another."""
