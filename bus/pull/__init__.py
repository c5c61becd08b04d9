"""Events for who comes to fetch them: cursors, pages, and the tail that many wait at together."""
