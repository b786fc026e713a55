"""Japanese and Chinese words for people, places, things and events, in English.

There is no sentence encoder for these languages that a package carries. What is written in them is put into English
word by word, as with a small dictionary, and that is compared by meaning: "看護師 夜勤 明け" is a nurse after a night
shift in any grammar. Words that name a mood are in the lexicons and need not be here.
"""

from __future__ import annotations

from functools import cache

import regex

from tts_models.instructions import scenes

_ROWS = """
    nurse | 看護師 看護婦 ナース | 护士 護士
    doctor | 医者 医師 お医者さん 先生 | 医生 醫生 大夫
    surgeon | 外科医 | 外科医生
    patient in hospital | 患者 病人 | 病人 患者
    hospital | 病院 | 医院 醫院
    night shift | 夜勤 | 夜班
    after work | 明け 仕事帰り 残業 | 下班 加班
    teacher | 教師 教員 先生 | 老师 老師 教师 教師
    pupil at school | 生徒 小学生 学生 | 学生 學生 小学生 小學生
    school | 学校 教室 | 学校 學校 教室
    children | 子供 子ども こども 幼児 園児 | 孩子 小孩 儿童 兒童 小朋友
    baby | 赤ちゃん 赤ん坊 | 宝宝 寶寶 婴儿 嬰兒
    mother | 母 お母さん ママ 母親 | 妈妈 媽媽 母亲 母親
    father | 父 お父さん パパ 父親 | 爸爸 父亲 父親
    grandmother | おばあさん 祖母 おばあちゃん | 奶奶 外婆
    grandfather | おじいさん 祖父 おじいちゃん | 爷爷 爺爺 外公
    husband | 夫 旦那 | 丈夫 老公
    wife | 妻 | 妻子 老婆
    lover | 恋人 彼女 彼氏 | 恋人 戀人 情人 爱人 愛人
    friend | 友人 友達 友だち 仲間 | 朋友 好友
    best friend | 親友 | 挚友 摯友 闺蜜
    stranger | 見知らぬ 誰か 他人 | 陌生人
    neighbour | 隣人 近所 | 邻居 鄰居
    boss | 上司 社長 部長 | 老板 老闆 上司 领导 領導
    colleague | 同僚 | 同事
    customer | 客 お客さん 顧客 | 顾客 顧客 客人 客户
    shop assistant | 店員 | 店员 店員 服务员 服務員
    judge in court | 裁判官 裁判長 法廷 | 法官 法庭
    sentence of the court | 判決 | 判决 判決
    lawyer | 弁護士 | 律师 律師
    police | 警察 刑事 | 警察
    soldier | 兵士 軍人 | 士兵 军人 軍人
    general | 将軍 司令官 | 将军 將軍
    president addresses the nation | 大統領 首相 | 总统 總統 主席
    press conference | 記者会見 会見 | 记者会 新闻发布会 發布會
    company apologises | 謝罪 お詫び | 道歉 致歉
    disaster | 災害 地震 津波 | 灾难 災難 地震
    accident | 事故 | 事故
    war | 戦争 戦場 | 战争 戰爭
    speech | 演説 スピーチ 講演 | 演讲 演講 讲话 講話
    teaching | 授業 講義 | 讲课 講課
    news | ニュース 報道 | 新闻 新聞 播报
    announcement | アナウンス お知らせ | 公告 通知
    documentary | ドキュメンタリー | 纪录片 紀錄片
    priest | 神父 牧師 僧侶 お坊さん | 神父 牧师 牧師 僧人 和尚
    king | 王 王様 皇帝 | 国王 國王 皇帝
    butler | 執事 | 管家
    funeral | 葬式 葬儀 お通夜 | 葬礼 葬禮 追悼会
    words of mourning | 弔辞 追悼 | 悼词 悼詞 悼念
    grave | 墓 墓地 お墓 | 坟墓 墳墓 坟地 墓地 墓前
    died | 亡くし 亡くな 死ん 死別 失っ 失く | 去世 死去 失去 逝世 离世 離世
    parting, being left | 別れ 失恋 振られ フラれ | 分手 离别 離別 失恋 失戀
    lonely | ひとりぼっち 一人きり | 孤单 孤單 独自一人
    lost the match | 負け 敗北 | 输了 輸了 失败 失敗
    rain | 雨 | 雨
    autumn leaves | 秋 枯れ葉 落ち葉 | 秋天 落叶 落葉
    not slept | 寝ていな 寝てない 眠れな 徹夜 睡眠不足 | 没睡 沒睡 没合眼 熬夜 失眠
    eyelids heavy with sleep | まぶた あくび | 眼皮 打哈欠 哈欠
    worn out | くたくた へとへと クタクタ ヘトヘト ぐったり | 筋疲力尽 精疲力竭 撑不住 撐不住 累坏
    ill with a fever | 病気 風邪 熱が | 生病 感冒 发烧 發燒
    celebration, festival | お祭り 祭り パーティー | 派对 派對 聚会 聚會 节日 節日
    birthday | 誕生日 | 生日
    wedding | 結婚式 結婚 花嫁 | 婚礼 婚禮 结婚 結婚 新娘
    present | プレゼント 贈り物 | 礼物 禮物
    school excursion | 遠足 修学旅行 | 春游 春遊 郊游 秋游 远足
    the day before | 前の日 前日 前夜 | 前一天 明天就要
    holiday | 夏休み 休日 旅行 バカンス | 假期 放假 旅行 度假
    lottery | 宝くじ くじ | 彩票
    won | 当たっ 当選 勝っ 勝利 | 中了 赢了 贏了 胜利 勝利 中奖
    championship | 優勝 チャンピオン | 冠军 冠軍 夺冠 奪冠
    team | チーム | 球队 球隊 队伍
    fans | 応援 ファン | 球迷 粉丝 支持的
    goal | ゴール | 进球 進球
    passed the exam | 合格 | 考上 考试通过 录取
    exam | 試験 受験 | 考试 考試 高考
    concert | コンサート ライブ | 演唱会 演唱會
    sports commentator | 実況 解説者 | 解说员
    good news | 朗報 吉報 | 好消息
    dream came true | 夢が叶 | 梦想成真 夢想成真
    dance | 踊 ダンス | 跳舞 舞蹈
    hum a song | 鼻歌 | 哼着 哼著 小曲
    sing | 歌 | 唱
    smile | にこにこ ニコニコ にこやか 笑み | 笑眯眯 笑瞇瞇 笑嘻嘻 笑呵呵
    sunshine | 日差し 太陽 晴れ | 阳光 陽光 晴天
    spring and flowers | 春 花 桜 | 春天 花
    puppy | 子犬 犬 | 小狗 狗狗
    cat | 猫 | 猫 貓
    sweets | お菓子 ケーキ アイス | 糖果 蛋糕 冰淇淋
    first love | 初恋 告白 | 初恋 初戀 表白
    angry to the limit | 堪忍袋 ぶち切れ キレ 許せな ムカ | 忍无可忍 忍無可忍 受够 受夠 岂有此理
    kept waiting for hours | 待たさ 待ちぼうけ | 等了 久等
    betrayed | 裏切 騙さ | 背叛 出卖 欺骗 欺騙 被骗
    stolen | 盗ま 泥棒 | 偷 小偷 盗
    quarrel | 喧嘩 ケンカ 口論 | 吵架 争吵 爭吵
    complaint | クレーム 苦情 文句 | 投诉 投訴 抱怨
    enemy | 敵 仇 | 敌人 敵人 仇人
    injustice | 理不尽 不正 | 不公平 不公
    door slams | ドアを叩 | 摔门 摔門
    ghost | 幽霊 お化け 怪談 | 鬼 幽灵 幽靈
    haunted ruin | 廃病院 廃墟 お化け屋敷 | 废墟 廢墟 鬼屋
    midnight | 真夜中 深夜 夜中 | 半夜 深夜 午夜
    alone in the dark | 暗闇 暗がり 一人で歩 | 一个人走 黑暗
    somebody behind you | 背後 後ろに | 背后 背後 身后 身後
    footsteps | 足音 | 脚步声 腳步聲
    followed | 追われ 尾行 | 跟踪 跟蹤 追赶 追杀
    murderer | 殺人 犯人 殺さ | 杀人 殺人 凶手 兇手
    monster | 怪物 モンスター | 怪物
    hostage | 人質 誘拐 | 人质 人質 绑架 綁架
    bomb | 爆弾 爆発 | 炸弹 炸彈 爆炸
    falling from a cliff | 崖 落ち | 悬崖 懸崖 坠落 墜落
    spider, snake | 蜘蛛 クモ 蛇 | 蜘蛛 蛇
    heart pounds | ドキドキ 心臓 | 心跳 心脏
    stage | 舞台 ステージ | 舞台
    cannot believe it | 信じられな まさか 嘘でしょ ありえな | 不能相信 不敢相信 难以相信 怎么可能 怎麼可能 不会吧
    really? | 本当に？ ほんとに？ えっ え、 マジ | 真的吗 真的嗎 什么？ 什麼？ 天哪 哇
    before my eyes | 目の前 光景 | 眼睛 眼前
    suddenly | 突然 いきなり 急に | 突然 忽然
    unexpected | 予想外 思いがけ 想定外 | 没想到 沒想到 出乎意料
    magic | 手品 魔法 | 魔术 魔術 魔法
    secret | 秘密 内緒 ないしょ | 秘密 悄悄
    nobody may hear it | 聞かれて 聞こえないよう 聞かせられ | 听见 聽見 被人听 偷听
    confide | 打ち明け 告げ口 | 吐露 告诉你
    sleeping | 寝て 眠って 寝か | 睡觉 睡覺 入睡 睡着 睡著
    next room | 隣の部屋 隣室 | 隔壁
    library | 図書館 | 图书馆 圖書館
    cinema | 映画館 | 电影院 電影院
    church | 教会 | 教堂
    close to the ear | 耳元 耳もと | 耳边 耳邊
    quiet place | しーっ 静か | 嘘 安静的
    lullaby | 子守唄 子守歌 | 摇篮曲 搖籃曲
    bedtime story | 寝る前 絵本 おとぎ話 読み聞かせ | 睡前 童话 童話
    forest | 森 林 | 森林 树林 樹林
    stream of clear water | 小川 せせらぎ 泉 | 清泉 小溪 溪水 流水
    mountains | 山 | 山
    sea, waves | 海 波 湖 | 海 波浪 湖
    beach | 浜辺 ビーチ | 沙滩 沙灘 海边 海邊
    breeze | そよ風 風 | 微风 微風 春风
    snow | 雪 | 雪
    hot spring, spa | 温泉 スパ お風呂 | 温泉 溫泉
    tea | お茶 茶道 | 茶
    meditation | 瞑想 ヨガ 座禅 | 冥想 瑜伽 禅
    massage | マッサージ エステ | 按摩
    therapist | カウンセラー セラピスト | 心理咨询师 咨询师
    comforting | 慰め なだめ 寄り添 励まし | 安慰 安抚 安撫 陪伴
    late-night radio | ラジオ | 电台 電台 广播
    warm by the fire | 暖炉 毛布 こたつ | 壁炉 毯子
    relax | のんびり ゆったり まったり くつろ | 悠闲 悠閒 惬意 愜意
    oath, promise | 誓い 宣誓 約束 | 誓言 宣誓 承诺 承諾
    parliament | 国会 議会 | 国会 議會 人大
    law | 法律 条約 契約 | 法律 合同 条约
    warning | 警告 注意喚起 | 警告
    scientist | 科学者 研究者 学会 | 科学家 科學家 学者 學者
    serious moment | 重大 重要 命に関わ | 重大 重要 生死攸关
    ceremony | 式典 卒業式 儀式 | 典礼 典禮 仪式 儀式
    machine without feelings | 機械 ロボット 自動音声 カーナビ 感情を込めず 感情なし | 机器 機器 机械 导航 没有起伏
    word by word, no hurry | 一語ずつ 一言ずつ 慌てず 焦らず | 一个字一个字 一個字一個字 别着急 別著急 慢慢来
    in a great hurry | 急いで 急ぎ 時間がない 早く終わ | 赶紧 趕緊 时间不多 時間不多 赶时间 来不及
    make yourself heard far away | 張り上げ 届くよう 遠くの人 | 最后一排 最後一排 远处 遠處 大厅
    turn the volume down | 音量は控え 音量を下げ 音量控え | 音量小 小一些
    a deep rough voice | 野太い 図太い ドスの | 粗嗓门 粗嗓門 低沉
    a high squeaky voice | 甲高い キンキン | 尖嗓子 尖细
    small animal in a cartoon | 妖精 小人 ネズミ アニメ | 精灵 精靈 老鼠 卡通
    giant | 巨人 鬼 熊 | 巨人 熊
    old man | 老人 仙人 長老 | 老人 老头 老頭
    accent of a region | 弁 訛り アクセント 方言 | 口音 方言 腔调
    pronounce correctly | 発音 正確に 固有名詞 | 发音 發音 准确 準確 人名
    read the text | 読んで 文章 次の文 | 朗读 朗讀 文字 下面的
    punctuation | 句読点 改行 括弧 | 标点 標點 括号
    engineers | 技術者 エンジニア | 工程师 工程師
    game show host | 司会者 | 主持人
    advertisement | 広告 宣伝 コマーシャル CM | 广告 廣告
    tour guide | ガイド 案内 | 导游 導遊
    pirate | 海賊 | 海盗 海盜
    villain | 悪役 悪党 魔王 | 反派 坏人 恶霸
    hero | ヒーロー 英雄 勇者 | 英雄
    princess | お姫様 姫 | 公主
    witch | 魔女 | 巫婆 女巫
    samurai | 侍 武士 | 武士
    drunk | 酔っ | 喝醉 醉汉
    sports trainer | コーチ 監督 応援団 | 教练 教練 啦啦队
    treasure | 宝物 宝 | 宝藏 寶藏
    fireworks | 花火 | 烟花 煙火
    rocket launch | ロケット 打ち上げ | 火箭 发射
    plane is going down | 墜落 | 飞机失事 坠机
    captain | 船長 機長 | 船长 船長 机长
    prisoner | 囚人 牢 | 囚犯 监狱
    refugee | 難民 孤児 | 难民 孤儿
    home town | 故郷 ふるさと | 故乡 故鄉
    letter | 手紙 遺書 | 信 遗书
    photographs of the past | 思い出 アルバム 昔 | 回忆 回憶 往事 老照片
    tears | 涙 泣 | 泪 淚
"""


@cache
def glosses(language: str) -> tuple[regex.Pattern[str], dict[str, str]]:
    """What finds the words of ``language`` (``ja`` or ``zh``), the longest first, and what each is in English."""
    column = {"ja": 1, "zh": 2}[language]
    english: dict[str, str] = {}
    for row in (*_ROWS.strip().splitlines(), *scenes.ROWS.strip().splitlines()):
        gloss, *cells = (cell.strip() for cell in row.split("|"))
        english |= {word: gloss for word in cells[column - 1].split() if word not in english}
    words = sorted(english, key=len, reverse=True)
    return regex.compile("|".join(map(regex.escape, words))), english
