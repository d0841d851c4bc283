## The overview.
overview-figures = Figures
tile-score = Exposure score, 0 to 100
tile-missing-updates = { $count ->
    [one] missing update
   *[other] missing updates
}
tile-weaknesses = { $count ->
    [one] open weakness
   *[other] open weaknesses
}
tile-exploited = of these exploited
closing-headline = { $count ->
    [one] Install this update and close { $share } of what is open
   *[other] Install these { $count } and close { $share } of what is open
}
closing-caption = The fewest updates that close most
closing-without-fix = { $share } of what is open is closed by no update of Microsoft's that has a KB.
col-closes = Closes
col-closes-so-far = So far
freshness = How new this is
fresh-catalogue = Newest document of Microsoft
fresh-revised = Last revised
fresh-report = Newest report of a machine
fresh-day = Machines seen in the last day
alarm-catalogue = { $days ->
    [one] Microsoft's newest document here is { $days } day old: newer updates are not known. Import newer documents, or let kbgap fetch them.
   *[other] Microsoft's newest document here is { $days } days old: newer updates are not known. Import newer documents, or let kbgap fetch them.
}
alarm-no-catalogue = There are no documents of Microsoft: nothing can be told. Import them with kbgap catalog import.
alarm-reports = { $hours ->
    [one] No machine has reported for { $hours } hour: look whether the collectors run.
   *[other] No machine has reported for { $hours } hours: look whether the collectors run.
}
alarm-no-machines = No machine has reported yet. Send reports to /kbgap/v1/reports, or import files.
chart-states = Machines by state
chart-severity = Missing updates by severity
chart-age = Missing updates by age
chart-top = Missing updates on most machines
chart-exploited = Missing updates with most exploited CVEs
chart-score = Exposure score over time
age-month = up to 30 days
age-quarter = 31 to 90 days
age-year = 91 to 365 days
age-older = more than a year
severity-unknown = not rated
unit-machines = Machines
unit-updates = Updates
unit-cves = CVEs
unit-score = Score
state-up-to-date = up to date
state-missing = missing updates
state-unknown = cannot tell
state-inactive = inactive
