## 軟體。
software-lead = 已安裝的軟體、安裝的電腦數，以及其中未修補的弱點。
software-search = 名稱或廠商
filter-vendor = 廠商
filter-weak = 弱點狀況
weak-open = 有未修補的弱點
weak-exploited = 有已遭利用的弱點
tab-missing = 缺少的更新（{ $count }）
tab-versions = 版本（{ $count }）
tab-machines = 電腦（{ $count }）
tab-weaknesses = 弱點（{ $count }）
chart-versions = 各版本的電腦
version-unknown = 未知
