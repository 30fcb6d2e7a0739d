import {Embedder} from './dist/node.js';
const [,,model,threads,n,len]=process.argv;
const e=await Embedder.create({model,device:'wasm',threads:+threads,batchTokens:8192});
const ids=Array.from({length:+n},()=>Array.from({length:+len},(_,i)=>5+i*7%900));
for(let k=0;k<5;k++) await e.embed(ids);
const ts=[];for(let k=0;k<30;k++){const t=performance.now();await e.embed(ids);ts.push(performance.now()-t)};ts.sort((a,b)=>a-b);console.log(model,threads,n+'x'+len,'median',ts[15].toFixed(2),'min',ts[0].toFixed(2));
await e.dispose();
