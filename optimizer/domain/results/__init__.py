"""Results of parts of a study, one module each; the whole is `optimizer.domain.study_results`."""
