## 總覽。
overview-figures = 數據
tile-score = 曝險分數（0 至 100）
tile-missing-updates = { $count ->
   *[other] 個缺少的更新
}
tile-weaknesses = { $count ->
   *[other] 個未修補的弱點
}
tile-exploited = 個弱點已遭利用
closing-headline = { $count ->
   *[other] 安裝這 { $count } 個更新即可修補 { $share } 的未修補項目
}
closing-caption = 以最少的更新修補最多的項目
closing-without-fix = 未修補項目中有 { $share } 沒有任何具 KB 編號的 Microsoft 更新可修補。
col-closes = 修補占比
col-closes-so-far = 累計
freshness = 資料的新舊
fresh-catalogue = 最新的 Microsoft 文件
fresh-revised = 最後修訂
fresh-report = 最新的電腦回報
fresh-day = 過去一天回報的電腦
alarm-catalogue = { $days ->
   *[other] 此處最新的 Microsoft 文件已有 { $days } 天之久：較新的更新無從得知。請匯入較新的文件，或讓 kbgap 自動取得。
}
alarm-no-catalogue = 沒有任何 Microsoft 文件：無法判斷。請以 kbgap catalog import 匯入。
alarm-reports = { $hours ->
   *[other] 已有 { $hours } 小時沒有電腦回報：請檢查收集程式是否執行中。
}
alarm-no-machines = 尚無電腦回報。請將回報傳送至 /kbgap/v1/reports，或匯入檔案。
chart-states = 各狀態的電腦
chart-severity = 各嚴重性的缺少更新
chart-age = 缺少更新的時間長短
chart-top = 最多電腦缺少的更新
chart-exploited = 含最多已遭利用 CVE 的缺少更新
chart-score = 曝險分數的變化
age-month = 30 天以內
age-quarter = 31 至 90 天
age-year = 91 至 365 天
age-older = 超過一年
severity-unknown = 未評定
unit-machines = 電腦數
unit-updates = 更新數
unit-cves = CVE 數
unit-score = 分數
state-up-to-date = 已更新
state-missing = 缺少更新
state-unknown = 無法判斷
state-inactive = 停用中
