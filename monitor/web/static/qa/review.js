// The review queue by keyboard.

import * as keys from "../js/keys.js";
import { t } from "../js/lang.js";

const next = document.getElementById("next");

keys.bind({ g: [t("复核下一通", "Review the next call"), () => next.querySelector("button:not(:disabled)")?.click()] });
