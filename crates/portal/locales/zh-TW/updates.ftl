## 缺少的更新。
updates-lead = 任何電腦缺少的所有更新，以及它們所修補的項目。
updates-search = KB 或名稱
filter-month = 月份
filter-product = 產品
update-catalog-link = Microsoft Update Catalog 中的 KB{ $kb }
update-support-link = Microsoft 關於 KB{ $kb } 的文章
update-not-missing = 沒有電腦缺少此更新。
fact-restart = 重新啟動
restart-yes = 需要
restart-maybe = 可能需要
restart-no = 不需要
fact-document = 文件
chart-line = 更新的取代關係
line-oldest-first = 每個更新都由其後的更新取代。本頁的更新已標示。
