"""Programs judged by what they return: extraction, the talk with the sandbox, comparison and its exceptions."""
