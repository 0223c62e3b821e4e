"""Networks to put attention into, trained ones included, and what puts it there."""
