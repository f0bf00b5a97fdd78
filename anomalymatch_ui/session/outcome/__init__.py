"""What a search has come to: tables, contact sheets, reports, its completeness, and its repetition."""
