"""Understanding: what people write instead of the grammar, read into a command of the grammar, or into a question back."""
