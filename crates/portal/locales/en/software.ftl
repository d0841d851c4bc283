## Software.
software-lead = What is installed, on how many machines, and what is open in it.
software-search = Name or vendor
filter-vendor = Vendor
filter-weak = With weaknesses
weak-open = something is open
weak-exploited = something open is exploited
tab-missing = Missing updates ({ $count })
tab-versions = Versions ({ $count })
tab-machines = Machines ({ $count })
tab-weaknesses = Weaknesses ({ $count })
chart-versions = Machines by version
version-unknown = not told
