"""What stands on the answers: inventory, routes, journeys. Each scenario is one folder with one door."""
