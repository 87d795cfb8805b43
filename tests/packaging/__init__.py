"""What is shipped: the wheel, the pinned requirements."""
