// On every page: ages that tick, live updates, forms that do not send twice, passkeys, keys, tabs in sight, zones. Each part is optional: a page without
// its elements, or a browser without scripts, loses only that part.
import { startAges } from "./ages.js";
import { startCountdown } from "./countdown.js";
import { startFilter } from "./filter.js";
import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { startPassword } from "./password.js";
import { startPasskeys } from "./passkeys.js";
import { startPush } from "./push.js";
import { startStream } from "./stream.js";
import { startTabs } from "./tabs.js";
import { startZone } from "./zone.js";

startAges();
startCountdown();
startForms();
startFilter();
startKeys();
startPassword();
startPasskeys();
startPush();
startStream();
startTabs();
startZone();
