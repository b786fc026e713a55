"""More rows for :mod:`~tts_models.instructions.glosses`: fields of life, gone through one after the other.

Work, home, body, love, loss, conflict, danger, crime, wonder, feasts, sport, travel, nature, belief, machines, speech.
"""

ROWS = """
    farmer | 農家 農夫 | 农民 农夫
    cook in the kitchen | 料理人 シェフ 料理長 | 厨师 大厨
    baker, shop in the morning | パン屋 花屋 八百屋 | 面包店 花店 菜市场
    driver | 運転手 タクシー ドライバー | 司机 出租车
    pilot | パイロット 操縦士 | 飞行员
    flight attendant welcomes you | 客室乗務員 スチュワーデス | 空姐 乘务员 空乘
    fireman | 消防士 消防 | 消防员 消防
    detective sums up the case | 探偵 名探偵 | 侦探
    reporter | レポーター 記者 | 记者
    politician | 政治家 議員 | 政治家 议员
    minister who announces new laws | 大臣 首相 官房長官 | 部长 发言人 总理
    prosecutor | 検察官 検事 | 检察官
    headmaster | 校長 教頭 | 校长 教导主任
    professor at the university | 教授 大学 | 教授 大学
    student after an all-nighter | 受験生 浪人生 一夜漬け | 考研 备考 刷题
    office worker on the last train | 会社員 サラリーマン 終電 満員電車 | 上班族 末班车 打工人
    overworked | 過労 働きづめ 残業続き ブラック企業 | 过劳 连轴转 九九六
    dismissed from work | クビ 解雇 リストラ 失業 | 被炒 解雇 裁员 失业 下岗
    promotion, the job of your dreams | 昇進 内定 採用 就職が決ま | 升职 录用 加薪 找到工作
    day off | 休み 休暇 週末 日曜 | 周末 假日 休息日
    closing time | 閉店 店じまい | 打烊
    boring meeting | 会議 打ち合わせ | 会议 开会
    the hundredth time | 何度も 何回も 百回 同じこと | 第一百遍 无数次 反复 一遍又一遍
    cleaning the mess of others | 後片付け 尻拭い | 收拾烂摊子
    newborn that does not sleep | 夜泣き 新生児 | 新生儿 夜啼
    birth of a child | 出産 生まれ 産声 孫 | 出生 诞生 生了 孙子
    my child's first steps | 初めて歩 成長 | 第一步 学会走路
    graduation | 卒業 入学 | 毕业 入学
    bride says yes | プロポーズ 花婿 婚約 | 求婚 新郎 订婚 嫁
    in love | 恋に落ち 片思い デート 恋する | 恋爱 暗恋 约会 热恋
    reunion with somebody long missed | 再会 久しぶり 帰郷 帰国 | 重逢 久别 团聚 回家
    divorce, she leaves for ever | 離婚 出て行 去って | 离婚 离开 走了
    the last day, farewell at the station | 最後の日 見送 旅立 引っ越し お別れ | 最后一天 送别 告别 车站
    homesick far from home | ホームシック 異国 | 异乡 他乡 思乡
    grandmother passed away | 他界 遺品 遺影 形見 仏壇 | 遗物 遗像 灵位
    the dog died | 愛犬 ペット | 爱犬 宠物
    widow | やもめ 未亡人 | 寡妇 鳏夫 遗孀
    an only survivor | 生き残り 生存者 | 幸存者
    ruins of your house | 焼け跡 瓦礫 全焼 | 废墟 瓦砾 烧毁
    bankrupt, everything lost | 破産 倒産 借金 無一文 | 破产 负债 倾家荡产 一无所有
    failed the exam | 不合格 落ち 落第 | 落榜 挂科 没考上 不及格
    poem of a lost love | 詩 短歌 | 诗 诗歌
    violin in a minor key | バイオリン 短調 | 小提琴 二胡
    cheated out of money | 詐欺 横取り 騙し ぼったくり | 诈骗 坑 骗走 黑心
    lied to | 嘘をつ 嘘つき 約束を破 | 撒谎 谎言 骗子 失信 爽约
    adultery, betrayed by the husband | 浮気 不倫 寝取 | 出轨 外遇 劈腿 小三
    insulted in front of everybody | 侮辱 馬鹿にされ 恥をかか | 侮辱 羞辱 当众
    jumped the queue, cut off in traffic | 割り込 煽り運転 横入り | 插队 加塞 别车 抢道
    noise at night from the neighbours | 騒音 うるさい | 噪音 吵闹 太吵
    somebody broke it | 壊され 壊し 傷つけられ 台無し | 弄坏 砸坏 毁了 打碎 弄脏
    delayed flight, terrible service | 遅延 欠航 対応の悪い | 延误 晚点 服务差
    demands the manager | 責任者を出せ 店長 | 叫经理 经理
    fight, shouting | 取っ組み合い 殴 罵声 | 打架 动手 争执
    protester shouts | デモ 抗議 | 示威 抗议
    executes traitors, tyrant | 処刑 裏切り者 暴君 | 处决 叛徒 暴君
    scolds the son | 叱りつけ いたずらした 反抗期 | 教训 熊孩子 闯祸 叛逆
    lost in the woods | 道に迷 遭難 迷子 | 迷路 走失 遇险
    trapped, no way out | 閉じ込め 逃げ場 出口のない | 被困 困住 出不去 无路可逃
    burglar breaks in | 空き巣 強盗 侵入 押し入 | 入室 抢劫 闯入 破门
    phone call from the killer | 脅迫 無言電話 | 恐吓电话 勒索
    shadow that moves in the dark | 影 人影 気配 物音 | 黑影 影子 动静
    cellar, dark alley | 地下室 路地 トンネル 屋根裏 | 地下室 巷子 隧道 阁楼
    corpse | 死体 血 | 尸体 血迹
    storm, thunder | 嵐 雷 台風 | 暴风雨 雷声 打雷 台风
    sinking ship | 沈没 難破 沈みゆく | 沉船 沉没
    fire, smoke comes in | 火事 火災 煙 | 火灾 着火 浓烟
    elevator stops, the brakes fail | エレベーター ブレーキ 故障 | 电梯 刹车 失灵
    bear, wolf, shark | 狼 オオカミ 鮫 サメ ヒグマ | 狼 鲨鱼 棕熊
    dentist's chair, before the operation | 歯医者 手術 注射 | 牙医 手术 打针
    waiting for the test results | 検査結果 診断結果 発表を待 | 检查结果 化验 等结果
    stage fright before the first performance | 初舞台 発表会 人前 面接 | 第一次上台 登台 面试 当众演讲
    debt collector at the door | 取り立て | 讨债 催债
    magician, rabbit from the hat | 手品師 マジシャン マジック | 魔术师 变魔术
    UFO, aliens | 宇宙人 UFO エイリアン | 外星人 飞碟
    dead man is alive after all | 生き返 蘇 死んだはず | 复活 死而复生 以为死了
    found a million in the attic | 札束 大金 埋蔵金 | 一大笔钱 一百万 巨款 金条
    surprise party | サプライズ どっきり ドッキリ | 惊喜派对 恶作剧 整蛊
    a twist that nobody expected | どんでん返し 正体 真相 | 反转 真相 身份
    seen for the first time | 初めて見 初めて聞 | 第一次看 第一次见 头一回
    talking animal | しゃべる動物 喋り出し 話し始め | 会说话 开口说话
    coincidence, meets his double | 偶然 そっくり 瓜二つ | 巧合 一模一样
    New Year, Christmas morning | 正月 クリスマス 大晦日 | 过年 春节 圣诞 元旦 除夕
    garden party, feast | 宴会 飲み会 乾杯 ごちそう | 宴会 聚餐 干杯 大餐
    opening presents | 開け | 拆礼物 拆开
    amusement park, roller coaster | 遊園地 ジェットコースター | 游乐园 过山车 游乐场
    final seconds of a close game | 決勝 逆転 延長戦 サヨナラ | 决赛 逆转 加时 绝杀
    gold medal, world record | 金メダル 世界記録 オリンピック | 金牌 世界纪录 奥运
    finish line | ゴールイン マラソン 完走 | 冲线 终点 马拉松
    wrestling announcer | プロレス 格闘技 リングアナ | 摔跤 拳击 格斗
    front row at the concert of your idol | 推し 最前列 アイドル | 偶像 爱豆 前排
    trailer of a blockbuster | 予告編 超大作 | 预告 大片
    market crier, sale | セール 特売 タイムセール 大安売り | 大甩卖 特价 促销 清仓
    game streamer | ゲーム実況 配信者 ラスボス | 游戏主播 通关 打赢
    discovery, invention works at last | 発見 発明 成功し | 发现 发明 成功
    summit of the mountain | 頂上 登頂 絶景 | 山顶 登顶 绝景
    rescue has come | 救助 助かっ 無事 | 得救 获救 平安
    peace, the war is over | 終戦 平和が | 战争结束 和平
    sunset, evening calm | 夕日 夕焼け 夕暮れ | 夕阳 晚霞 黄昏
    starry night | 星空 月夜 月 | 星空 月光 月亮
    garden, flowers | 庭 庭園 公園 | 花园 庭院 公园
    rain on the roof, warm in bed | 雨音 雨の日 布団 | 雨声 下雨天 被窝
    rocking chair, cat on the lap | 揺り椅子 膝の上 縁側 | 摇椅 膝上 晒太阳
    coffee, jazz and candlelight | コーヒー 喫茶店 ジャズ ろうそく バー | 咖啡 爵士 蜡烛 酒吧
    old monk in a silent temple | 老僧 寺 禅寺 お経 | 老和尚 寺庙 禅寺 佛
    prayer | 祈り 祈る お祈り | 祈祷 祷告 祈求
    fishing by the river | 釣り 川辺 | 钓鱼 河边
    acupuncture, bath with oils | アロマ ハーブ 入浴 | 香薰 泡澡 精油
    blind man is led | 手を引 付き添 | 搀扶 牵着
    sick child at the bed | 看病 枕元 | 床边 病床 照顾
    teacher praises a shy child | 褒め ほめ 励まし | 表扬 夸奖 鼓励
    spy passes on the code word | スパイ 暗号 密偵 | 间谍 特务 暗号 卧底
    hiding in a wardrobe | 押し入れ 隠れ かくれんぼ | 衣柜 躲在 躲藏 捉迷藏
    during class, behind the teacher's back | 授業中 テスト中 カンニング | 上课时 考场 作弊
    museum, theatre, concert hall during the show | 美術館 博物館 劇場 上演中 上映中 | 博物馆 美术馆 剧院 放映
    gossip behind the hand | 噂 うわさ 陰口 | 八卦 闲话 谣言
    hunter near a deer, wildlife reporter | 狩人 猟師 野生動物 | 猎人 野生动物
    sneaking in late at night | 忍び込 忍び足 朝帰り 抜け出 | 溜进 溜出 潜入 翻墙
    the walls have ears, somebody listens | 盗聴 壁に耳 聞き耳 | 窃听 隔墙 监听
    confession in church | 懺悔 告解 | 忏悔 告解
    witness under oath | 証人 証言 | 证人 作证
    will, last words | 遺言 最期 | 遗嘱 临终 遗言
    terms of a contract | 規約 約款 契約書 | 条款 合同 协议
    annual report of the board | 株主総会 決算 取締役 | 股东大会 财报 董事会
    diagnosis | 診断 余命 告知 | 诊断 病危 确诊
    evacuation order, hurricane warning | 避難 緊急 警報 津波警報 | 疏散 紧急 警报 预警
    safety instructions | 安全 注意事項 取扱 | 安全须知 注意事项
    oath of office, coronation | 就任 戴冠 即位 | 就职 加冕 登基
    military order | 命令 作戦 出撃 | 命令 作战 出征
    tragedy on the stage | 悲劇 シェイクスピア | 悲剧 莎士比亚
    comedian tells jokes | 漫才 お笑い 冗談 ジョーク | 相声 笑话 段子 脱口秀
    children's television | 教育番組 子供番組 アニメ | 少儿节目 动画片
    answering machine, railway announcement | 駅のアナウンス 留守番電話 構内放送 | 报站 自动应答 电话录音
    telephone directory, serial numbers | 電話帳 番号 時報 | 电话簿 编号 报时
    dictation for beginners | 書き取り 初心者 外国人に | 听写 初学者 外国人
    small print in an advertisement, tongue twister | 早口言葉 注意書き | 绕口令 贯口
    auctioneer | 競売 オークション | 拍卖
    stadium without a microphone | スタジアム 体育館 グラウンド マイクなし | 体育场 操场 没有麦克风
    hard of hearing | 耳の遠い 耳が遠い | 耳背 耳朵不好
    sore throat, weak voice | 喉を痛め 風邪声 病み上がり | 嗓子疼 失声 大病初愈
    dragon | ドラゴン 竜 龍 | 龙 巨龙
    fairy | 妖精 天使 | 仙女 天使 小仙女
    foreigner with an accent | 片言 カタコト 外国人訛り | 外国腔 外地口音
    customer from another town | 出身 生まれの | 来自 出生于
    abbreviations, names, dates | 略語 日付 地名 専門用語 英単語 | 缩写 日期 地名 术语 英文单词
    headings and footnotes | 見出し 脚注 章 段落 | 标题 脚注 章节 段落
"""
