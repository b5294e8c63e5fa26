// The parts of Observable Plot that the page uses; build.mjs makes templates/plot.js of them.
export {plot, axisX, axisY, barX, dot, gridX, gridY, line, pointer, pointerX, rect, rectY, ruleX, ruleY, text, tip} from "@observablehq/plot";
