"""Understanding: what people write instead of the grammar, read into a command of it or a question back."""
