/** The look of all pages: calm, dense, light and dark by what the reader's system prefers. */
export const STYLES = `:root{color-scheme:light dark;
--bg:#f4f6f8;--surface:#fff;--sunken:#eef1f4;--ink:#1a2330;--muted:#556274;--line:#d8dee5;--strong:#8793a3;
--accent:#1a5db4;--accent-ink:#fff;--ok:#18703f;--ok-bg:#e3f4ea;--info:#1a5db4;--info-bg:#e5eefa;
--warn:#8a4b00;--warn-bg:#fdf0dc;--bad:#b02222;--bad-bg:#fdeaea;--idle:#4f5b6b;--idle-bg:#e9edf1;
--s0:#2a6cb3;--s1:#c25d06;--s2:#0c8577;--s3:#b13c8c;--s4:#77710b;--s5:#6a55bd;--s6:#66717f}
@media(prefers-color-scheme:dark){:root{
--bg:#11151a;--surface:#191f26;--sunken:#212932;--ink:#e5eaf0;--muted:#a0acba;--line:#303a45;--strong:#6e7b8a;
--accent:#86b6f5;--accent-ink:#0d1a2b;--ok:#74d69b;--ok-bg:#14301f;--info:#8fbcf7;--info-bg:#162c47;
--warn:#f1b768;--warn-bg:#38270d;--bad:#ff9a94;--bad-bg:#3d1718;--idle:#b4bfcb;--idle-bg:#29323c;
--s0:#6fa8e8;--s1:#ee9d52;--s2:#4bc0af;--s3:#e38ac8;--s4:#c4bd4d;--s5:#ab9af0;--s6:#9ba6b3}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
h1,h2,h3,p,dl,dd,ul,ol,figure,blockquote{margin:0}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em}
h2{font-size:1.0625rem;line-height:1.35}
h3{font-size:.9375rem}
ul,ol{padding:0;list-style:none}
a{color:var(--accent);text-underline-offset:.15em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
code,kbd,.mono{font:.92em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
bdi{overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
main:focus{outline:none}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:1rem;top:-4rem;z-index:2;padding:.5rem .9rem;background:var(--accent);color:var(--accent-ink);border-radius:0 0 6px 6px}
.skip:focus{top:0}
.wrap{max-width:88rem;margin:0 auto;padding:0 1.25rem}
.top{background:var(--surface);border-bottom:1px solid var(--line)}
.top .wrap{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem 1.5rem;padding-top:.6rem;padding-bottom:.6rem}
.brand{display:flex;align-items:center;gap:.55rem;font-weight:650;color:var(--ink);text-decoration:none}
.brand svg{width:1.35rem;height:1.35rem;color:var(--accent)}
.top ul{display:flex;gap:.25rem}
.top nav a{display:block;padding:.3rem .7rem;border-radius:6px;color:var(--muted);text-decoration:none}
.top nav a:hover{color:var(--ink);background:var(--sunken)}
.top nav a[aria-current]{color:var(--ink);background:var(--sunken);font-weight:600}
.top search{margin-left:auto}
.find{display:flex;gap:.4rem}
.find input{width:11.5rem}
.account{display:flex;align-items:center;gap:.6rem;overflow-wrap:anywhere}
.account button{white-space:nowrap}
.sign-in{width:100%;max-width:26rem;margin:1.5rem auto}
.sign-in form{display:grid;gap:.35rem}
.sign-in label{font-size:.8125rem;color:var(--muted)}
.sign-in input{margin-bottom:.5rem;min-height:2.4rem;width:100%}
.sign-in button{justify-content:center;min-height:2.4rem}
main.wrap{display:grid;gap:1.5rem;grid-template-columns:minmax(0,1fr);padding-top:1.5rem;padding-bottom:2.5rem}
footer{color:var(--muted);font-size:.8125rem;border-top:1px solid var(--line)}
footer .wrap{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding-top:.9rem;padding-bottom:1.5rem}
.muted{color:var(--muted)}
.small{font-size:.8125rem;line-height:1.45}
.head{display:grid;gap:.5rem}
.head .row,.row{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .7rem}
.crumbs ol{display:flex;flex-wrap:wrap;gap:.15rem .5rem;font-size:.8125rem;color:var(--muted)}
.crumbs li+li::before{content:"/";margin-right:.5rem;color:var(--strong)}
.card{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:1rem 1.1rem;display:grid;grid-template-columns:minmax(0,1fr);gap:.8rem}
.card>header{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:.25rem 1rem}
.flush{padding:0;gap:0;overflow:hidden}
.flush>header{padding:1rem 1.1rem .75rem}
.flush>.pad{padding:0 1.1rem 1rem}
.tiles{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));background:var(--surface);border:1px solid var(--line);border-radius:8px}
.tiles>div{padding:.85rem 1.1rem;border-left:1px solid var(--line);display:flex;flex-direction:column-reverse;justify-content:flex-end}
.tiles>div:first-child{border-left:0}
.tiles dt{color:var(--muted);font-size:.8125rem}
.tiles dd{font-size:1.6rem;line-height:1.2;font-weight:620;letter-spacing:-.01em}
.tiles .bad dd{color:var(--bad)}.tiles .warn dd{color:var(--warn)}.tiles .ok dd{color:var(--ok)}
.badge{display:inline-flex;align-items:center;gap:.4em;padding:.05rem .5rem .1rem;border-radius:99px;font-size:.8125rem;font-weight:560;white-space:nowrap;color:var(--idle);background:var(--idle-bg)}
.badge::before{content:"";width:.5em;height:.5em;border-radius:50%;background:currentColor}
.badge.ok{color:var(--ok);background:var(--ok-bg)}
.badge.info{color:var(--info);background:var(--info-bg)}.badge.info::before{background:none;border:.13em solid currentColor}
.badge.warn{color:var(--warn);background:var(--warn-bg)}.badge.warn::before{border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
.badge.bad{color:var(--bad);background:var(--bad-bg)}.badge.bad::before{border-radius:0;transform:rotate(45deg)}
.banner{display:grid;gap:.2rem;border:1px solid;border-left-width:5px;border-radius:8px;padding:.75rem 1rem;color:var(--ink);background:var(--surface)}
.banner.ok{border-color:var(--ok);background:var(--ok-bg)}
.banner.info{border-color:var(--info);background:var(--info-bg)}
.banner.warn{border-color:var(--warn);background:var(--warn-bg)}
.banner.bad{border-color:var(--bad);background:var(--bad-bg)}
.banner strong{font-weight:640}
.banner a{color:inherit}
table{width:100%;border-collapse:collapse;font-size:.875rem}
th,td{padding:.5rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th:first-child,td:first-child{padding-left:1.1rem}th:last-child,td:last-child{padding-right:1.1rem}
thead th{padding-top:.35rem;padding-bottom:.35rem;background:var(--sunken);color:var(--muted);font-weight:560;font-size:.78rem;white-space:nowrap}
tbody th{font-weight:inherit;min-width:13rem}
.classes tbody th{min-width:21rem}
tbody tr:hover{background:color-mix(in srgb,var(--sunken) 55%,transparent)}
tbody tr:target{background:var(--info-bg)}
.num{text-align:right}
td .block{display:block}
@media(max-width:80rem){td .small,th .small{display:block}}
.nowrap{white-space:nowrap}
form.filters{display:flex;flex-wrap:wrap;gap:.6rem .7rem;align-items:end}
.filters label{display:grid;gap:.15rem;font-size:.78rem;color:var(--muted)}
.filters label.grow{flex:1 1 12rem;max-width:20rem}
input,select,button,.button{font:inherit;font-size:.875rem;line-height:1.4;color:var(--ink);background:var(--surface);border:1px solid var(--strong);border-radius:6px;padding:.32rem .6rem;min-height:2.15rem}
select{max-width:100%;width:100%}
input::placeholder{color:var(--muted);opacity:1}
button,.button{cursor:pointer;font-weight:560;background:var(--sunken);text-decoration:none;display:inline-flex;align-items:center}
button.primary{background:var(--accent);border-color:var(--accent);color:var(--accent-ink)}
button:hover,.button:hover{border-color:var(--ink)}
.empty{padding:1.5rem 1.1rem;border-top:1px solid var(--line);display:grid;gap:.5rem}
.empty>*{max-width:46rem}
.empty ol{list-style:decimal;padding-left:1.3rem;display:grid;gap:.35rem}
.chart{display:grid;grid-template-columns:minmax(0,1fr);gap:.6rem}
.chart svg{display:block;width:100%;height:13rem;overflow:visible}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .base{stroke:var(--strong)}
.chart text{fill:var(--muted);font-size:11.5px}
.chart .hit{fill:transparent}.chart .hit:hover{fill:var(--ink);fill-opacity:.08}
.chart .bar{stroke:var(--surface);stroke-width:1;vector-effect:non-scaling-stroke}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}.s6{fill:var(--s6)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.8125rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.legend svg{width:.7rem;height:.7rem;flex:none}
details>summary{cursor:pointer;color:var(--accent);font-size:.875rem}
details[open]>summary{margin-bottom:.6rem}
.scroll{overflow-x:auto}
.scroll table{width:auto;min-width:50%}
progress{appearance:none;width:100%;height:.6rem;border:0;border-radius:99px;overflow:hidden;background:var(--idle-bg);color:var(--info);display:block}
progress::-webkit-progress-bar{background:var(--idle-bg)}
progress::-webkit-progress-value{background:var(--info);border-radius:99px}
progress::-moz-progress-bar{background:var(--info);border-radius:99px}
progress.ok::-webkit-progress-value{background:var(--ok)}progress.ok::-moz-progress-bar{background:var(--ok)}
progress.bad::-webkit-progress-value{background:var(--bad)}progress.bad::-moz-progress-bar{background:var(--bad)}
.meter{display:grid;gap:.3rem}
.flags{display:flex;flex-wrap:wrap;gap:.35rem}
.flags li{font-size:.8125rem;border:1px solid var(--line);border-radius:5px;padding:.1rem .5rem;background:var(--surface);overflow-wrap:anywhere}
.flags .bad{border-color:var(--bad);color:var(--bad)}.flags .warn{border-color:var(--warn);color:var(--warn)}.flags .ok{border-color:var(--ok);color:var(--ok)}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1.25rem;font-size:.875rem}
.facts dt{color:var(--muted)}
.quote{border-left:3px solid var(--strong);padding:.15rem 0 .15rem .8rem;font-size:.9375rem;overflow-wrap:anywhere}
.cols{display:grid;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem}
.files{display:grid;gap:.75rem}
.facts+details{margin-top:.6rem}
.file{gap:.55rem;padding:.8rem 1.1rem}
.file>header{align-items:center}
.file>header>.row:last-child{justify-content:flex-end}
.file h3{overflow-wrap:anywhere}
.actions{display:flex;flex-wrap:wrap;gap:.5rem .75rem;align-items:center}
.attempts{display:grid;gap:.6rem;font-size:.875rem}
.attempts li{border-left:2px solid var(--line);padding-left:.7rem}
.pages{display:flex;gap:.6rem;flex-wrap:wrap;align-items:center;padding:.75rem 1.1rem;border-top:1px solid var(--line)}
@media(max-width:60rem){.tiles{grid-template-columns:repeat(6,minmax(0,1fr))}.tiles>div{grid-column:span 2}.tiles>div:nth-child(n+4){grid-column:span 3;border-top:1px solid var(--line)}.tiles>div:nth-child(4){border-left:0}}
@media(max-width:44rem){
.wrap{padding:0 .9rem}
.top .wrap{column-gap:.6rem}.top nav a{padding:.3rem .45rem}.brand{font-size:.9375rem}
.top search{margin-left:0;width:100%}.account{width:100%;justify-content:space-between}.find input{width:auto;flex:1;min-width:0}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.tiles>div,.tiles>div:nth-child(n+4){grid-column:auto;border-top:1px solid var(--line);border-left:0}
.tiles>div:nth-child(odd){border-left:1px solid var(--line)}
.tiles>div:first-child{grid-column:span 2;border-top:0;border-left:0}
.filters label,.filters label.grow{flex:1 1 44%;max-width:none}
.narrow-hide{display:none}
.facts{grid-template-columns:minmax(0,1fr);gap:0}.facts dd{margin-bottom:.5rem}
table.stack,.stack tbody,.stack tr,.stack td,.stack th{display:block}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack tr{padding:.7rem 1rem;border-top:1px solid var(--line)}
.stack td,.stack th,.stack td:last-child,.stack th:first-child{border:0;padding:.12rem 0;text-align:left}
.stack td[data-label]{position:relative;padding-left:6.75rem}
.stack td[data-label]::before{content:attr(data-label);color:var(--muted);font-size:.8125rem;position:absolute;left:0}
.stack td .small,.stack th .small{display:inline}
.nowrap{white-space:normal}
tbody th,.classes tbody th{min-width:0}
}
@media(forced-colors:active){.badge,.banner,.flags li{border:1px solid CanvasText}progress{border:1px solid CanvasText}.chart .bar{forced-color-adjust:none}}
@media print{.top,.filters,.pages,.actions,footer{display:none}}
`;
