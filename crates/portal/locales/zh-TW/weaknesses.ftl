## 弱點。
weaknesses-lead = Microsoft 文件中的弱點，以及仍未修補的電腦數。
weaknesses-search = CVE 或標題
filter-severity = 嚴重性
filter-exploited = 已遭利用
filter-open = 範圍
open-here = 在某些電腦上未修補
open-nowhere = 沒有電腦受影響
fact-vector = CVSS 向量
fact-disclosed = 修補前已公開
weakness-msrc-link = Microsoft 安全回應中心的 { $cve }
weakness-nvd-link = 美國國家弱點資料庫的 { $cve }
tab-fixes = 可修補的更新（{ $count }）
