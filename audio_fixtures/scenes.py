"""The bundled calls as data: who says what, with which voice, over which line.

`generate.py` speaks them. A line starts `pause_ms` after the previous one ended
(negative: it cuts in). Expectations name the phrase as the pack spells it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from monitor.testing.espeak import Voice

if TYPE_CHECKING:
    from natural_scenes import Natural

GREETING = "您好，请问有什么可以帮您吗？"
CLOSING = "感谢您的来电，再见！"

LIN = Voice("f2", speed=165, pitch=55)
ZHOU = Voice("f4", speed=165, pitch=48)
CHEN = Voice("m3", speed=155, pitch=42)
WEI = Voice("m7", speed=170, pitch=50)
OLD_MAN = Voice("m1", speed=130, pitch=35)
CUSTOMER = Voice("m2", speed=170, pitch=52)
LADY = Voice("f3", speed=160, pitch=60)


@dataclass(frozen=True, slots=True)
class Say:
    """One line of the dialogue; `level_db` is its RMS level in dBFS."""

    party: Literal["agent", "customer"]
    text: str
    voice: Voice | Natural
    pause_ms: int = 500
    level_db: float = -22.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One call: what is said, how it sounds, what must come of it.

    `forbidden`: phrases (as the pack spells them) that must be alerted, in the
    order in which they are said. `quiet`: phrases that are said, or nearly, and
    must not be alerted. `scripts`: required phrase → met or missed.
    `noise_db`: RMS of the line noise in dBFS; `tail_ms`: silence after the last line.
    """

    name: str
    title: str
    audio: str
    lines: tuple[Say, ...]
    forbidden: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    scripts: dict[str, str] = field(default_factory=dict)
    lead_ms: int = 600
    tail_ms: int = 800
    noise_db: float = -74.0
    duration_ms: int | None = None


RULES = {
    GREETING: "unicom-opening",
    CLOSING: "unicom-closing",
    "你问我，我问谁啊？": "unicom-forbidden-01",
    "不会用就别用！": "unicom-forbidden-02",
    "你有没有搞错！": "unicom-forbidden-03",
    "刚才不是说过了吗？怎么还要问？": "unicom-forbidden-06",
    "要我说多少遍你才明白啊？": "unicom-forbidden-07",
    "你快说啊！": "unicom-forbidden-09",
    "这个事你别找我！": "unicom-forbidden-10",
    "你不要讲，听我先说完！": "unicom-forbidden-12",
    "你怎么这么啰嗦！": "unicom-forbidden-14",
    "就这样吧！": "unicom-forbidden-15",
    "不能办就是不能办！": "unicom-forbidden-16",
    "你爱到哪儿告到哪儿告去！": "unicom-forbidden-18",
}
"""The rule of the pack that looks for each phrase."""

BOTH_MET = {GREETING: "met", CLOSING: "met"}

SCENES: tuple[Scene, ...] = (
    Scene(
        "demo",
        "演示：问候达标，中途说了禁语，随后补救并规范结束",
        "demo.flac",
        (
            Say("agent", GREETING, LIN),
            Say("customer", "你好，我的手机昨天晚上突然停机了。", CUSTOMER),
            Say("agent", "好的，请您稍等，我帮您查询一下。", LIN),
            Say("customer", "我上个月刚交了话费，怎么会停机呢？", CUSTOMER, 1500),
            Say("agent", "你问我，我问谁啊？", LIN, 300),
            Say("customer", "你这是什么态度？", CUSTOMER, 400),
            Say("agent", "对不起，先生，您的账户余额不足，交费以后马上恢复。", LIN, 700),
            Say("customer", "好吧，那我现在就去交费。", CUSTOMER),
            Say("agent", "请问您还有其他问题吗？", LIN),
            Say("customer", "没有了，谢谢。", CUSTOMER),
            Say("agent", CLOSING, LIN),
        ),
        forbidden=("你问我，我问谁啊？",),
        scripts=BOTH_MET,
    ),
    Scene(
        "compliant",
        "规范通话：问候、解答、结束语齐全",
        "compliant.wav",
        (
            Say("agent", GREETING, ZHOU),
            Say("customer", "我想查一下我的话费。", LADY),
            Say("agent", "您现在还有八十六块钱。", ZHOU, 700),
            Say("customer", "好的，谢谢。", LADY),
            Say("agent", CLOSING, ZHOU),
        ),
        scripts=BOTH_MET,
    ),
    Scene(
        "forbidden-phrases",
        "一通电话里的五句禁语",
        "forbidden-phrases.opus",
        (
            Say("agent", GREETING, CHEN),
            Say("customer", "这个软件我怎么也登录不上去。", LADY),
            Say("agent", "不会用就别用！", CHEN),
            Say("customer", "我按照说明做的呀。", LADY),
            Say("agent", "你有没有搞错！", CHEN),
            Say("customer", "那请你再讲一遍吧。", LADY),
            Say("agent", "要我说多少遍你才明白啊？", CHEN),
            Say("customer", "你能不能好好说话？", LADY),
            Say("agent", "你怎么这么啰嗦！", CHEN),
            Say("customer", "那我换个方式办理可以吗？", LADY),
            Say("agent", "不能办就是不能办！", CHEN),
            Say("agent", CLOSING, CHEN, 1500),
        ),
        forbidden=(
            "不会用就别用！",
            "你有没有搞错！",
            "要我说多少遍你才明白啊？",
            "你怎么这么啰嗦！",
            "不能办就是不能办！",
        ),
        scripts=BOTH_MET,
    ),
    Scene(
        "missing-greeting",
        "没有说首语（八千赫兹电话录音）",
        "missing-greeting.wav",
        (
            Say("customer", "喂，你好。", CUSTOMER, 1500),
            Say("agent", "嗯，请讲。", WEI, 600),
            Say("customer", "我想改一下我的套餐。", CUSTOMER),
            Say("agent", "可以，您想改成哪一个套餐？", WEI),
            Say("customer", "改成最便宜的那个，谢谢。", CUSTOMER),
            Say("agent", "已经为您办理成功，下个月一号生效。", WEI, 1200),
            Say("agent", CLOSING, WEI, 900),
        ),
        scripts={GREETING: "missed", CLOSING: "met"},
        noise_db=-58,
    ),
    Scene(
        "late-greeting",
        "首语说得太晚",
        "late-greeting.opus",
        (
            Say("customer", "喂？", OLD_MAN, 3000),
            Say("customer", "喂，有人吗？", OLD_MAN, 6000),
            Say("customer", "怎么没有人说话呀？", OLD_MAN, 6000),
            Say("agent", GREETING, ZHOU, 4000),
            Say("customer", "我想问一下我家的宽带什么时候到期。", OLD_MAN),
            Say("agent", "您家的宽带明年三月份到期。", ZHOU, 900),
            Say("customer", "知道了，谢谢你。", OLD_MAN),
            Say("agent", CLOSING, ZHOU),
        ),
        scripts={GREETING: "missed", CLOSING: "met"},
    ),
    Scene(
        "missing-closing",
        "没有说结束语",
        "missing-closing.opus",
        (
            Say("agent", GREETING, WEI),
            Say("customer", "我要投诉，你们的网络太慢了。", LADY),
            Say("agent", "好的，我已经记录下来，会有人跟您联系。", WEI),
            Say("customer", "什么时候联系我？", LADY),
            Say("agent", "明天下午三点以前。", WEI),
            Say("customer", "好，那我等你们的电话。", LADY),
        ),
        scripts={GREETING: "met", CLOSING: "missed"},
        tail_ms=1500,
    ),
    Scene(
        "customer-says-it",
        "禁语出自客户之口，坐席用的是规范说法",
        "customer-says-it.flac",
        (
            Say("agent", GREETING, LIN),
            Say("customer", "你有没有搞错，我的话费怎么多了五十块钱？", CUSTOMER),
            Say("agent", "对不起！请您大声一点，好吗？", LIN),
            Say("customer", "你快说啊，要我说多少遍你才明白啊？", CUSTOMER),
            Say("agent", "也许我说的不够清楚，请允许我再解释一遍好吗？", LIN),
            Say("customer", "不能办就是不能办，就这样吧。", CUSTOMER, 800),
            Say("agent", CLOSING, LIN),
        ),
        quiet=(
            "你有没有搞错！",
            "你快说啊！",
            "要我说多少遍你才明白啊？",
            "不能办就是不能办！",
            "就这样吧！",
        ),
        scripts=BOTH_MET,
    ),
    Scene(
        "long-silence",
        "坐席让客户空等十二秒（八千赫兹电话录音）",
        "long-silence.wav",
        (
            Say("agent", GREETING, CHEN),
            Say("customer", "请帮我查一下上个月的账单。", LADY),
            Say("agent", "上个月一共是八十六块钱。", CHEN, 12_000),
            Say("customer", "好的。", LADY),
            Say("agent", CLOSING, CHEN),
        ),
        scripts=BOTH_MET,
        noise_db=-58,
    ),
    Scene(
        "overlap",
        "坐席打断客户，两人同时说话",
        "overlap.m4a",
        (
            Say("agent", GREETING, ZHOU),
            Say(
                "customer",
                "我上个星期就打过电话，你们说三天之内给我答复，到现在也没有人联系我。",
                CUSTOMER,
            ),
            Say("agent", "你不要讲，听我先说完！", ZHOU, -2500),
            Say("customer", "那你说吧，我听着。", CUSTOMER, 600),
            Say("agent", "您的问题已经转给技术部门，今天晚上处理。", ZHOU, 400),
            Say("customer", "好的，我再等一天。", CUSTOMER, -300),
            Say("agent", CLOSING, ZHOU),
        ),
        forbidden=("你不要讲，听我先说完！",),
        scripts=BOTH_MET,
    ),
    Scene(
        "noise-only",
        "只有线路噪声，没有人说话",
        "noise-only.wav",
        (),
        scripts={GREETING: "missed", CLOSING: "missed"},
        noise_db=-38,
        duration_ms=20_000,
    ),
    Scene(
        "pause-in-phrase",
        "禁语中间停顿了将近一秒",
        "pause-in-phrase.flac",
        (
            Say("agent", GREETING, LIN),
            Say("customer", "为什么我的积分都没有了？", LADY),
            Say("agent", "你问我", LIN, 500),
            Say("agent", "我问谁啊？", LIN, 900),
            Say("customer", "你不是客服吗？", LADY),
            Say("agent", "积分每年年底清零，明年重新累计。", LIN),
            Say("agent", CLOSING, LIN, 1500),
        ),
        forbidden=("你问我，我问谁啊？",),
        scripts=BOTH_MET,
    ),
    Scene(
        "last-word",
        "禁语说到录音的最后一个采样点",
        "last-word.wav",
        (
            Say("agent", GREETING, CHEN),
            Say("customer", "再不解决我就要去投诉你。", CUSTOMER),
            Say("agent", "你爱到哪儿告到哪儿告去！", CHEN),
        ),
        forbidden=("你爱到哪儿告到哪儿告去！",),
        scripts={GREETING: "met", CLOSING: "missed"},
        tail_ms=0,
    ),
    Scene(
        "noisy-line",
        "噪声很大的电话线路上的禁语",
        "noisy-line.wav",
        (
            Say("agent", GREETING, ZHOU),
            Say("customer", "喂，我听不太清楚，你再说一遍。", OLD_MAN, level_db=-30),
            Say("agent", "刚才不是说过了吗？怎么还要问？", ZHOU),
            Say("customer", "我耳朵不太好。", OLD_MAN, level_db=-30),
            Say("agent", "这个事你别找我！", ZHOU),
            Say("agent", CLOSING, ZHOU, 1200),
        ),
        forbidden=("刚才不是说过了吗？怎么还要问？", "这个事你别找我！"),
        scripts=BOTH_MET,
        noise_db=-44,
    ),
    Scene(
        "compressed",
        "压缩成 MP3 的规范通话，语速快",
        "compressed.mp3",
        (
            Say("agent", GREETING, Voice("f5", speed=190, pitch=58)),
            Say("customer", "请问你们的营业厅几点关门？", Voice("m5", speed=180, pitch=40)),
            Say("agent", "每天晚上六点关门，周末也营业。", Voice("f5", speed=190, pitch=58)),
            Say("customer", "谢谢，再见。", Voice("m5", speed=180, pitch=40)),
            Say("agent", CLOSING, Voice("f5", speed=190, pitch=58)),
        ),
        scripts=BOTH_MET,
    ),
)
