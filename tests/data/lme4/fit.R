# Makes figures.json of answers.csv: R 4.2.2, lme4 1.1-31. Rscript fit.R answers.csv
library(lme4)
answers <- read.csv(commandArgs(TRUE)[1])
fits <- lapply(split(answers, answers$study), function(study) {
  study$shifted <- as.numeric(study$shift_px > 0)
  fitted <- glmer(
    different ~ log2(1 + shift_px) + (1 | participant) + (0 + shifted | photograph), study, binomial,
    control = glmerControl(optimizer = "bobyqa", tolPwrss = 1e-10, optCtrl = list(rhoend = 1e-9))
  )
  effects <- ranef(fitted, condVar = TRUE)$participant
  # lme4 cannot follow the profile of a standard deviation where the other is 0, too.
  ends <- tryCatch(
    suppressMessages(confint(fitted, parm = "theta_", method = "profile", oldNames = FALSE)),
    error = function(problem) {
      matrix(-1, 2, 2, dimnames = list(c("participant", "photograph"), NULL))
    }
  )
  sds <- c(attr(VarCorr(fitted)$participant, "stddev"), attr(VarCorr(fitted)$photograph, "stddev"))
  order <- c(grep("participant", rownames(ends)), grep("photograph", rownames(ends)))
  text <- function(values) paste0("[", paste(sprintf("%.7f", values), collapse = ", "), "]")
  sprintf(
    paste(
      "\"%s\": {\"sds\": %s, \"low\": %s, \"high\": %s, \"fixed\": %s, \"log_likelihood\": %.7f,",
      "\"participants\": %s, \"participant_errors\": %s}"
    ),
    study$study[1], text(sds), text(ends[order, 1]), text(ends[order, 2]), text(fixef(fitted)), logLik(fitted),
    text(effects[, 1]), text(sqrt(attr(effects, "postVar")[1, 1, ]))
  )
})
cat("{\n ", paste(fits, collapse = ",\n  "), "\n}\n", sep = "")
