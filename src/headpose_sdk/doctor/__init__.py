"""What is installed, what really runs, and what to do about it: findings are gathered once and judged by themselves."""
