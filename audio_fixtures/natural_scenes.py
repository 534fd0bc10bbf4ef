"""Calls spoken by natural voices (Kokoro-82M), longer and quicker than those of `scenes.py`.

Voices are shares of Kokoro's own, see `models/training/kokoro.py`; zf_xiaoyi and zm_yunxia are
never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

from scenes import BOTH_MET, CLOSING, GREETING, Say, Scene


@dataclass(frozen=True, slots=True)
class Natural:
    """A natural voice: Kokoro's voices and their shares, and the tempo."""

    shares: tuple[tuple[str, float], ...]
    speed: float = 1.2


LIU = Natural((("zf_xiaoxiao", 0.6), ("zf_xiaoni", 0.4)), 1.25)
SUN = Natural((("zf_xiaoyi", 1.0),), 1.2)
GAO = Natural((("zm_yunxi", 0.7), ("zm_yunyang", 0.3)), 1.25)
HE = Natural((("zm_yunxia", 1.0),), 1.15)
MISS_MA = Natural((("zf_xiaobei", 0.7), ("af_bella", 0.3)), 1.2)
MR_DENG = Natural((("zm_yunjian", 0.7), ("am_michael", 0.3)), 1.25)
MR_TANG = Natural((("zm_yunyang", 0.6), ("zm_yunjian", 0.4)), 1.35)
GRANDMA = Natural((("zf_xiaoni", 0.6), ("zf_xiaobei", 0.4)), 0.9)

NATURAL_SCENES: tuple[Scene, ...] = (
    Scene(
        "natural-broadband",
        "自然嗓音：宽带报修，坐席顶撞之后道歉补救",
        "natural-broadband.opus",
        (
            Say("agent", GREETING, LIU),
            Say("customer", "你好，我家的宽带昨天晚上就断了，到现在还上不去网。", MR_DENG),
            Say("agent", "好的，请您稍等，我帮您查询一下。", LIU, 350),
            Say("customer", "嗯，我上个月刚续的费，一千二百块钱一年呢。", MR_DENG, 1200),
            Say("agent", "那块儿的线路什么时候坏的我这边没有记录。", LIU, 300),
            Say("customer", "你们没有记录，那我找谁去啊？", MR_DENG, 300),
            Say("agent", "你问我，我问谁啊？", LIU, 250),
            Say("customer", "你这是什么态度呀？", MR_DENG, 300),
            Say("agent", "实在对不起，是我不对，我马上给您报修，师傅今天下午就上门。", LIU, 700),
            Say("customer", "那几点能来？我下午三点以后才在家。", MR_DENG, 400),
            Say("agent", "三点到五点之间，上门以前会先给您打电话。", LIU, 350),
            Say("customer", "行，那我就等着吧。", MR_DENG, 300),
            Say("agent", "请问您还有其他问题吗？", LIU, 350),
            Say("customer", "没有了，谢谢。", MR_DENG, 300),
            Say("agent", CLOSING, LIU, 350),
        ),
        forbidden=("你问我，我问谁啊？",),
        scripts=BOTH_MET,
        noise_db=-62,
    ),
    Scene(
        "natural-plan",
        "自然嗓音：改套餐，语速快，全程规范",
        "natural-plan.opus",
        (
            Say("agent", GREETING, GAO),
            Say(
                "customer", "喂，你好，我想把我的套餐改成便宜一点的，现在这个用不完。", MISS_MA, 300
            ),
            Say("agent", "好的，您现在用的是一百二十八元的套餐，每个月有三十个流量。", GAO, 600),
            Say("customer", "对呀，我一个月顶多用十个，太浪费了。", MISS_MA, 250),
            Say("agent", "那您可以改成五十九元的，包含十五个流量和两百分钟通话。", GAO, 350),
            Say("customer", "什么时候生效呢？", MISS_MA, 250),
            Say("agent", "现在办理的话，下个月一号自动生效，本月还是按原来的收费。", GAO, 300),
            Say("customer", "那有没有合约期，以后还能再改回来吗？", MISS_MA, 300),
            Say("agent", "没有合约期，您随时都可以再改，在网上营业厅也能办。", GAO, 300),
            Say("customer", "好，那就帮我改了吧。", MISS_MA, 250),
            Say("agent", "已经为您办理成功，稍后会有短信通知您，请注意查收。", GAO, 1500),
            Say("customer", "好的，麻烦你了。", MISS_MA, 250),
            Say("agent", CLOSING, GAO, 300),
        ),
        scripts=BOTH_MET,
        noise_db=-60,
    ),
    Scene(
        "natural-elder",
        "自然嗓音：坐席对听不明白的老人不耐烦",
        "natural-elder.opus",
        (
            Say("agent", GREETING, SUN),
            Say("customer", "姑娘啊，我这个手机怎么老是收到扣钱的短信呢？", GRANDMA),
            Say("agent", "您开通了一个视频彩铃，每个月六块钱。", SUN, 700),
            Say("customer", "什么彩铃？我没有开过呀，我都不会弄这个。", GRANDMA),
            Say("agent", "您回复短信就可以退订，按照提示操作。", SUN, 350),
            Say("customer", "回复什么呀？你再跟我说一遍好不好？", GRANDMA),
            Say("agent", "要我说多少遍你才明白啊？", SUN, 300),
            Say("customer", "我岁数大了，耳朵也不好，眼睛也看不清楚。", GRANDMA),
            Say("agent", "你怎么这么啰嗦！", SUN, 300),
            Say("customer", "那你能不能直接帮我退掉？", GRANDMA, 700),
            Say("agent", "好了，已经帮您退订了，下个月不再收费。", SUN, 1500),
            Say("customer", "好，好，谢谢你啊。", GRANDMA),
            Say("agent", CLOSING, SUN, 350),
        ),
        forbidden=("要我说多少遍你才明白啊？", "你怎么这么啰嗦！"),
        scripts=BOTH_MET,
        noise_db=-58,
    ),
    Scene(
        "natural-angry",
        "自然嗓音：客户发火说了禁语，坐席始终规范",
        "natural-angry.opus",
        (
            Say("agent", GREETING, HE),
            Say("customer", "我问你，我这个月话费怎么扣了三百多块？你有没有搞错！", MR_TANG),
            Say("agent", "您先别着急，我马上帮您查一下账单明细。", HE, 350),
            Say("customer", "你快说啊！我等了十几分钟才打进来。", MR_TANG, 1200),
            Say(
                "agent",
                "让您久等了，非常抱歉。这个月您在境外用了漫游流量，费用是两百四十元。",
                SUN,
                300,
            ),
            Say("customer", "我根本就没有出过国，你们凭什么乱扣我的钱？", MR_TANG, 250),
            Say("agent", "您的心情我理解，这边先给您登记下来，请专人核实。", HE, 350),
            Say("customer", "核实要多久？别又是没人管。", MR_TANG, 250),
            Say("agent", "四十八小时之内，一定会有专人给您回电话。", HE, 350),
            Say("customer", "行，那我就等你们两天，到时候没人联系我，我就去投诉。", MR_TANG, 300),
            Say("agent", "好的，我已经加急处理，请您保持电话畅通。", HE, 350),
            Say("customer", "嗯，知道了。", MR_TANG, 300),
            Say("agent", CLOSING, HE, 350),
        ),
        quiet=("你有没有搞错！", "你快说啊！"),
        scripts=BOTH_MET,
        noise_db=-60,
    ),
    Scene(
        "natural-interrupts",
        "自然嗓音：坐席打断客户，拒绝办理",
        "natural-interrupts.wav",
        (
            Say("agent", GREETING, MR_DENG),
            Say(
                "customer",
                "我上个星期就打过电话，你们说三天之内给我答复，到现在也没有人联系我。",
                LIU,
                350,
            ),
            Say("agent", "你不要讲，听我先说完！", MR_DENG, -1500),
            Say("customer", "那你说吧，我听着。", LIU, 500),
            Say("agent", "这个号码不是您本人的名字，不能在电话里过户。", MR_DENG, 400),
            Say("customer", "我可以把身份证号码报给你呀。", LIU, 300),
            Say("agent", "不能办就是不能办！", MR_DENG, 300),
            Say("customer", "那算了，我自己去营业厅。", LIU, 400),
            Say("agent", CLOSING, MR_DENG, 500),
        ),
        forbidden=("你不要讲，听我先说完！", "不能办就是不能办！"),
        scripts=BOTH_MET,
        noise_db=-56,
    ),
    Scene(
        "natural-no-greeting",
        "自然嗓音：没有首语，也没有结束语",
        "natural-no-greeting.opus",
        (
            Say("customer", "喂？喂，听得到吗？", MISS_MA, 800),
            Say("agent", "嗯，听得到，您讲。", GAO, 400),
            Say("customer", "我的快递显示已经签收了，可是我根本没有收到。", MISS_MA, 300),
            Say("agent", "您把运单的后四位报一下。", GAO, 350),
            Say("customer", "三七零六，是前天下午寄出来的。", MISS_MA, 500),
            Say("agent", "是放在小区门口的驿站了，您去那边找一下。", GAO, 1500),
            Say("customer", "怎么也不打个电话告诉我一声呢？", MISS_MA, 300),
            Say("agent", "我跟派送员反映一下，下次让他先联系您。", GAO, 350),
            Say("customer", "好吧，那我先去看看。", MISS_MA, 300),
        ),
        scripts={GREETING: "missed", CLOSING: "missed"},
        noise_db=-60,
        tail_ms=1500,
    ),
)
