"""L5: where the jobs of a long run keep what they have finished, and how they find it again."""
