// Made by `make docs` from docs/jobs.schema.json; do not edit.
function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
"use strict";
export const upscaleParams = validate21;
const schema32 = {"additionalProperties":false,"description":"How to upscale a video.","properties":{"model":{"anyOf":[{"maxLength":200,"type":"string"},{"type":"null"}],"default":null,"title":"Model","description":"A model of the model repository; null uses the worker's default model."},"scale":{"anyOf":[{"maximum":16,"minimum":1,"type":"number"},{"type":"null"}],"default":null,"title":"Scale","description":"Output size divided by input size, in each direction; null uses the model's own scale."},"quality":{"default":"high","enum":["high","medium","low","lossless"],"title":"Quality","type":"string","description":"The quality of the encoding."},"tonemap":{"default":false,"title":"Tonemap","type":"boolean","description":"Converts HDR (PQ, HLG) to SDR (BT.709), which models are trained on."},"reuse_tolerance":{"default":0,"maximum":16,"minimum":0,"title":"Reuse Tolerance","type":"integer","description":"The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical parts."}},"title":"UpscaleParams","type":"object"};
const func1 = countCharacters;

function validate21(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate21.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
const _errs1 = errors;
for(const key0 in data){
if(!(((((key0 === "model") || (key0 === "scale")) || (key0 === "quality")) || (key0 === "tonemap")) || (key0 === "reuse_tolerance"))){
validate21.errors = [{instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0},message:"must NOT have additional properties",schema:false,parentSchema:schema32,data}];
return false;
break;
}
}
if(_errs1 === errors){
if(data.model !== undefined){
let data0 = data.model;
const _errs2 = errors;
const _errs3 = errors;
let valid1 = false;
const _errs4 = errors;
if(errors === _errs4){
if(typeof data0 === "string"){
if(func1(data0) > 200){
const err0 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema32.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
else {
const err1 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema32.properties.model.anyOf[0].type,parentSchema:schema32.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
var _valid0 = _errs4 === errors;
valid1 = valid1 || _valid0;
const _errs6 = errors;
if(data0 !== null){
const err2 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema32.properties.model.anyOf[1].type,parentSchema:schema32.properties.model.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
var _valid0 = _errs6 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err3 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema32.properties.model.anyOf,parentSchema:schema32.properties.model,data:data0};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
validate21.errors = vErrors;
return false;
}
else {
errors = _errs3;
if(vErrors !== null){
if(_errs3){
vErrors.length = _errs3;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.scale !== undefined){
let data1 = data.scale;
const _errs8 = errors;
const _errs9 = errors;
let valid2 = false;
const _errs10 = errors;
if(errors === _errs10){
if((typeof data1 == "number") && (isFinite(data1))){
if(data1 > 16 || isNaN(data1)){
const err4 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16},message:"must be <= 16",schema:16,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
else {
if(data1 < 1 || isNaN(data1)){
const err5 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
}
else {
const err6 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema32.properties.scale.anyOf[0].type,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
var _valid1 = _errs10 === errors;
valid2 = valid2 || _valid1;
const _errs12 = errors;
if(data1 !== null){
const err7 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema32.properties.scale.anyOf[1].type,parentSchema:schema32.properties.scale.anyOf[1],data:data1};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
var _valid1 = _errs12 === errors;
valid2 = valid2 || _valid1;
if(!valid2){
const err8 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema32.properties.scale.anyOf,parentSchema:schema32.properties.scale,data:data1};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
validate21.errors = vErrors;
return false;
}
else {
errors = _errs9;
if(vErrors !== null){
if(_errs9){
vErrors.length = _errs9;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.quality !== undefined){
let data2 = data.quality;
const _errs14 = errors;
if(typeof data2 !== "string"){
validate21.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema32.properties.quality.type,parentSchema:schema32.properties.quality,data:data2}];
return false;
}
if(!((((data2 === "high") || (data2 === "medium")) || (data2 === "low")) || (data2 === "lossless"))){
validate21.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/enum",keyword:"enum",params:{allowedValues: schema32.properties.quality.enum},message:"must be equal to one of the allowed values",schema:schema32.properties.quality.enum,parentSchema:schema32.properties.quality,data:data2}];
return false;
}
var valid0 = _errs14 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tonemap !== undefined){
let data3 = data.tonemap;
const _errs16 = errors;
if(typeof data3 !== "boolean"){
validate21.errors = [{instancePath:instancePath+"/tonemap",schemaPath:"#/properties/tonemap/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema32.properties.tonemap.type,parentSchema:schema32.properties.tonemap,data:data3}];
return false;
}
var valid0 = _errs16 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reuse_tolerance !== undefined){
let data4 = data.reuse_tolerance;
const _errs18 = errors;
if(!(((typeof data4 == "number") && (!(data4 % 1) && !isNaN(data4))) && (isFinite(data4)))){
validate21.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema32.properties.reuse_tolerance.type,parentSchema:schema32.properties.reuse_tolerance,data:data4}];
return false;
}
if(errors === _errs18){
if((typeof data4 == "number") && (isFinite(data4))){
if(data4 > 16 || isNaN(data4)){
validate21.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16},message:"must be <= 16",schema:16,parentSchema:schema32.properties.reuse_tolerance,data:data4}];
return false;
}
else {
if(data4 < 0 || isNaN(data4)){
validate21.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema32.properties.reuse_tolerance,data:data4}];
return false;
}
}
}
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
else {
validate21.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema32.type,parentSchema:schema32,data}];
return false;
}
}
validate21.errors = vErrors;
return errors === 0;
}
validate21.evaluated = {"props":true,"dynamicProps":false,"dynamicItems":false};

export const trackParams = validate22;
const schema33 = {"additionalProperties":false,"description":"What to track, and how.","properties":{"model":{"default":"yolov8","maxLength":200,"title":"Model","type":"string","description":"A detector of the model repository, or the alias `yolov8`."},"classes":{"anyOf":[{"items":{"maxLength":200,"type":"string"},"type":"array"},{"type":"null"}],"default":null,"title":"Classes","description":"The names of the classes to report; null reports all. A name with commas that the model does not know is split at the commas into several names."},"confidence":{"default":0.5,"maximum":1,"minimum":0,"title":"Confidence","type":"number","description":"Tracks whose detections score less on average are not reported. The tracker still uses every box of the model, so that a track continues through frames where the model is unsure."},"tracker":{"default":"bytetrack","enum":["bytetrack","botsort"],"title":"Tracker","type":"string","description":"The tracking algorithm; `botsort` also compensates for the camera's motion."},"stride":{"default":1,"maximum":30,"minimum":1,"title":"Stride","type":"integer","description":"The detector sees every stride-th frame; boxes between are interpolated."},"fill_gaps_sec":{"default":0,"maximum":10,"minimum":0,"title":"Fill Gaps Sec","type":"number","description":"Gaps in a track of at most this many seconds are filled by interpolation."},"side":{"anyOf":[{"maximum":4096,"minimum":32,"type":"integer"},{"type":"null"}],"default":null,"title":"Side","description":"The longer side of the pictures that the detector sees, in pixels; null uses the model's own."},"batch":{"default":4,"maximum":64,"minimum":1,"title":"Batch","type":"integer","description":"The maximum number of frames in one request to the detector."}},"title":"TrackParams","type":"object"};

function validate22(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate22.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
const _errs1 = errors;
for(const key0 in data){
if(!((((((((key0 === "model") || (key0 === "classes")) || (key0 === "confidence")) || (key0 === "tracker")) || (key0 === "stride")) || (key0 === "fill_gaps_sec")) || (key0 === "side")) || (key0 === "batch"))){
validate22.errors = [{instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0},message:"must NOT have additional properties",schema:false,parentSchema:schema33,data}];
return false;
break;
}
}
if(_errs1 === errors){
if(data.model !== undefined){
let data0 = data.model;
const _errs2 = errors;
if(errors === _errs2){
if(typeof data0 === "string"){
if(func1(data0) > 200){
validate22.errors = [{instancePath:instancePath+"/model",schemaPath:"#/properties/model/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema33.properties.model,data:data0}];
return false;
}
}
else {
validate22.errors = [{instancePath:instancePath+"/model",schemaPath:"#/properties/model/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.model.type,parentSchema:schema33.properties.model,data:data0}];
return false;
}
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.classes !== undefined){
let data1 = data.classes;
const _errs4 = errors;
const _errs5 = errors;
let valid1 = false;
const _errs6 = errors;
if(errors === _errs6){
if(Array.isArray(data1)){
var valid2 = true;
const len0 = data1.length;
for(let i0=0; i0<len0; i0++){
let data2 = data1[i0];
const _errs8 = errors;
if(errors === _errs8){
if(typeof data2 === "string"){
if(func1(data2) > 200){
const err0 = {instancePath:instancePath+"/classes/" + i0,schemaPath:"#/properties/classes/anyOf/0/items/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema33.properties.classes.anyOf[0].items,data:data2};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
else {
const err1 = {instancePath:instancePath+"/classes/" + i0,schemaPath:"#/properties/classes/anyOf/0/items/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.classes.anyOf[0].items.type,parentSchema:schema33.properties.classes.anyOf[0].items,data:data2};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
var valid2 = _errs8 === errors;
if(!valid2){
break;
}
}
}
else {
const err2 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf/0/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema33.properties.classes.anyOf[0].type,parentSchema:schema33.properties.classes.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
var _valid0 = _errs6 === errors;
valid1 = valid1 || _valid0;
const _errs10 = errors;
if(data1 !== null){
const err3 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema33.properties.classes.anyOf[1].type,parentSchema:schema33.properties.classes.anyOf[1],data:data1};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
var _valid0 = _errs10 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err4 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema33.properties.classes.anyOf,parentSchema:schema33.properties.classes,data:data1};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
validate22.errors = vErrors;
return false;
}
else {
errors = _errs5;
if(vErrors !== null){
if(_errs5){
vErrors.length = _errs5;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs4 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.confidence !== undefined){
let data3 = data.confidence;
const _errs12 = errors;
if(errors === _errs12){
if((typeof data3 == "number") && (isFinite(data3))){
if(data3 > 1 || isNaN(data3)){
validate22.errors = [{instancePath:instancePath+"/confidence",schemaPath:"#/properties/confidence/maximum",keyword:"maximum",params:{comparison: "<=", limit: 1},message:"must be <= 1",schema:1,parentSchema:schema33.properties.confidence,data:data3}];
return false;
}
else {
if(data3 < 0 || isNaN(data3)){
validate22.errors = [{instancePath:instancePath+"/confidence",schemaPath:"#/properties/confidence/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema33.properties.confidence,data:data3}];
return false;
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/confidence",schemaPath:"#/properties/confidence/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema33.properties.confidence.type,parentSchema:schema33.properties.confidence,data:data3}];
return false;
}
}
var valid0 = _errs12 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tracker !== undefined){
let data4 = data.tracker;
const _errs14 = errors;
if(typeof data4 !== "string"){
validate22.errors = [{instancePath:instancePath+"/tracker",schemaPath:"#/properties/tracker/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.tracker.type,parentSchema:schema33.properties.tracker,data:data4}];
return false;
}
if(!((data4 === "bytetrack") || (data4 === "botsort"))){
validate22.errors = [{instancePath:instancePath+"/tracker",schemaPath:"#/properties/tracker/enum",keyword:"enum",params:{allowedValues: schema33.properties.tracker.enum},message:"must be equal to one of the allowed values",schema:schema33.properties.tracker.enum,parentSchema:schema33.properties.tracker,data:data4}];
return false;
}
var valid0 = _errs14 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.stride !== undefined){
let data5 = data.stride;
const _errs16 = errors;
if(!(((typeof data5 == "number") && (!(data5 % 1) && !isNaN(data5))) && (isFinite(data5)))){
validate22.errors = [{instancePath:instancePath+"/stride",schemaPath:"#/properties/stride/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.stride.type,parentSchema:schema33.properties.stride,data:data5}];
return false;
}
if(errors === _errs16){
if((typeof data5 == "number") && (isFinite(data5))){
if(data5 > 30 || isNaN(data5)){
validate22.errors = [{instancePath:instancePath+"/stride",schemaPath:"#/properties/stride/maximum",keyword:"maximum",params:{comparison: "<=", limit: 30},message:"must be <= 30",schema:30,parentSchema:schema33.properties.stride,data:data5}];
return false;
}
else {
if(data5 < 1 || isNaN(data5)){
validate22.errors = [{instancePath:instancePath+"/stride",schemaPath:"#/properties/stride/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema33.properties.stride,data:data5}];
return false;
}
}
}
}
var valid0 = _errs16 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.fill_gaps_sec !== undefined){
let data6 = data.fill_gaps_sec;
const _errs18 = errors;
if(errors === _errs18){
if((typeof data6 == "number") && (isFinite(data6))){
if(data6 > 10 || isNaN(data6)){
validate22.errors = [{instancePath:instancePath+"/fill_gaps_sec",schemaPath:"#/properties/fill_gaps_sec/maximum",keyword:"maximum",params:{comparison: "<=", limit: 10},message:"must be <= 10",schema:10,parentSchema:schema33.properties.fill_gaps_sec,data:data6}];
return false;
}
else {
if(data6 < 0 || isNaN(data6)){
validate22.errors = [{instancePath:instancePath+"/fill_gaps_sec",schemaPath:"#/properties/fill_gaps_sec/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema33.properties.fill_gaps_sec,data:data6}];
return false;
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/fill_gaps_sec",schemaPath:"#/properties/fill_gaps_sec/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema33.properties.fill_gaps_sec.type,parentSchema:schema33.properties.fill_gaps_sec,data:data6}];
return false;
}
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.side !== undefined){
let data7 = data.side;
const _errs20 = errors;
const _errs21 = errors;
let valid3 = false;
const _errs22 = errors;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
const err5 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.side.anyOf[0].type,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(errors === _errs22){
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 > 4096 || isNaN(data7)){
const err6 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 4096},message:"must be <= 4096",schema:4096,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
else {
if(data7 < 32 || isNaN(data7)){
const err7 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 32},message:"must be >= 32",schema:32,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
}
}
var _valid1 = _errs22 === errors;
valid3 = valid3 || _valid1;
const _errs24 = errors;
if(data7 !== null){
const err8 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema33.properties.side.anyOf[1].type,parentSchema:schema33.properties.side.anyOf[1],data:data7};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
var _valid1 = _errs24 === errors;
valid3 = valid3 || _valid1;
if(!valid3){
const err9 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema33.properties.side.anyOf,parentSchema:schema33.properties.side,data:data7};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
validate22.errors = vErrors;
return false;
}
else {
errors = _errs21;
if(vErrors !== null){
if(_errs21){
vErrors.length = _errs21;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.batch !== undefined){
let data8 = data.batch;
const _errs26 = errors;
if(!(((typeof data8 == "number") && (!(data8 % 1) && !isNaN(data8))) && (isFinite(data8)))){
validate22.errors = [{instancePath:instancePath+"/batch",schemaPath:"#/properties/batch/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.batch.type,parentSchema:schema33.properties.batch,data:data8}];
return false;
}
if(errors === _errs26){
if((typeof data8 == "number") && (isFinite(data8))){
if(data8 > 64 || isNaN(data8)){
validate22.errors = [{instancePath:instancePath+"/batch",schemaPath:"#/properties/batch/maximum",keyword:"maximum",params:{comparison: "<=", limit: 64},message:"must be <= 64",schema:64,parentSchema:schema33.properties.batch,data:data8}];
return false;
}
else {
if(data8 < 1 || isNaN(data8)){
validate22.errors = [{instancePath:instancePath+"/batch",schemaPath:"#/properties/batch/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema33.properties.batch,data:data8}];
return false;
}
}
}
}
var valid0 = _errs26 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
else {
validate22.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema33.type,parentSchema:schema33,data}];
return false;
}
}
validate22.errors = vErrors;
return errors === 0;
}
validate22.evaluated = {"props":true,"dynamicProps":false,"dynamicItems":false};

export const exportParams = validate23;
const schema34 = {"additionalProperties":false,"description":"The part of a video to export, and how to export it.","properties":{"crop":{"anyOf":[{"oneOf":[{"$ref":"#/$defs/CropBox"},{"items":{"$ref":"#/$defs/Keyframe"},"type":"array"}]},{"type":"null"}],"default":null,"title":"Crop","description":"The part of the picture: a box, or keyframes of a moving crop; null is the whole picture."},"clamp":{"default":false,"title":"Clamp","type":"boolean","description":"Moves a crop that leaves the picture back into it, instead of refusing it."},"follow":{"anyOf":[{"$ref":"#/$defs/Follow"},{"type":"null"}],"default":null,"description":"Lets the crop follow a subject of `tracks`; instead of `crop`."},"tracks":{"anyOf":[{"additionalProperties":true,"type":"object"},{"type":"string"},{"type":"null"}],"default":null,"title":"Tracks","description":"The result of a track job on the same video: the document itself, or a URL of it."},"upscale":{"anyOf":[{"type":"boolean"},{"type":"null"}],"default":null,"title":"Upscale","description":"Whether a model enlarges the crop; null enlarges it where `upscale_model` names a model."},"upscale_model":{"anyOf":[{"maxLength":200,"type":"string"},{"type":"null"}],"default":null,"title":"Upscale Model","description":"A model of the model repository; null uses the worker's default model."},"size":{"anyOf":[{"oneOf":[{"$ref":"#/$defs/Size"},{"pattern":"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$","type":"string"}]},{"type":"null"}],"default":null,"title":"Size","description":"The size of the output, as `1080x1920` or {\"w\": 1080, \"h\": 1920}; null uses the crop's own size, times the model's scale. A size of another aspect ratio does not distort the picture: the output's pixels are then not square."},"format":{"anyOf":[{"enum":["mp4","mov","webm","mkv","gif"],"type":"string"},{"type":"null"}],"default":null,"title":"Format","description":"The file format; null takes it from the suffix of the output, or mp4 if it has no suffix."},"quality":{"default":"high","enum":["high","medium","low","lossless"],"title":"Quality","type":"string","description":"The quality of the encoding."},"start":{"anyOf":[{"type":"number"},{"type":"null"}],"default":null,"title":"Start","description":"Where the exported part begins, in seconds from the start of the source; null is its start."},"end":{"anyOf":[{"type":"number"},{"type":"null"}],"default":null,"title":"End","description":"Where the exported part ends, in seconds from the start of the source; null is its end."},"tonemap":{"default":false,"title":"Tonemap","type":"boolean","description":"Converts HDR (PQ, HLG) to SDR (BT.709)."},"reuse_tolerance":{"default":0,"maximum":16,"minimum":0,"title":"Reuse Tolerance","type":"integer","description":"The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical parts."}},"title":"ExportParams","type":"object"};
const schema35 = {"additionalProperties":false,"description":"A rectangle in the picture, in pixels of the picture as displayed; fractions of a pixel are allowed.","properties":{"x":{"title":"X","type":"number","description":"The left edge."},"y":{"title":"Y","type":"number","description":"The top edge."},"w":{"title":"W","type":"number","description":"The width, at least 1."},"h":{"title":"H","type":"number","description":"The height, at least 1."}},"required":["x","y","w","h"],"title":"CropBox","type":"object"};
const schema36 = {"additionalProperties":false,"description":"The crop at one moment.","properties":{"x":{"title":"X","type":"number","description":"The left edge."},"y":{"title":"Y","type":"number","description":"The top edge."},"w":{"title":"W","type":"number","description":"The width, at least 1."},"h":{"title":"H","type":"number","description":"The height, at least 1."},"t":{"title":"T","type":"number","description":"The moment, in seconds from the start of the source (not of the part that is exported)."}},"required":["x","y","w","h","t"],"title":"Keyframe","type":"object"};
const schema37 = {"additionalProperties":false,"description":"The subject that the crop follows, and the aspect ratio of the crop.","properties":{"track":{"anyOf":[{"type":"integer"},{"const":"main","type":"string"}],"title":"Track","description":"The id of a track, or `main` for the main subject of each shot: the track with the largest product of frames, size and closeness to the centre."},"aspect":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"Aspect","description":"The aspect ratio of the crop, such as 9:16; null uses that of the picture."},"zoom":{"anyOf":[{"type":"number"},{"type":"null"}],"default":null,"title":"Zoom","description":"1 for the largest crop of that aspect ratio, 2 for half its width and height. null means 1, or 2 where a crop of the picture's own aspect ratio could not move otherwise."}},"required":["track"],"title":"Follow","type":"object"};
const schema38 = {"additionalProperties":false,"description":"A size in pixels.","properties":{"w":{"maximum":16384,"minimum":1,"title":"W","type":"integer","description":"The width."},"h":{"maximum":16384,"minimum":1,"title":"H","type":"integer","description":"The height."}},"required":["w","h"],"title":"Size","type":"object"};
const func4 = Object.prototype.hasOwnProperty;
const pattern4 = new RegExp("^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", "u");

function validate23(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate23.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
const _errs1 = errors;
for(const key0 in data){
if(!(func4.call(schema34.properties, key0))){
validate23.errors = [{instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0},message:"must NOT have additional properties",schema:false,parentSchema:schema34,data}];
return false;
break;
}
}
if(_errs1 === errors){
if(data.crop !== undefined){
let data0 = data.crop;
const _errs2 = errors;
const _errs3 = errors;
let valid1 = false;
const _errs4 = errors;
const _errs5 = errors;
let valid2 = false;
let passing0 = null;
const _errs6 = errors;
const _errs7 = errors;
if(errors === _errs7){
if(data0 && typeof data0 == "object" && !Array.isArray(data0)){
let missing0;
if(((((data0.x === undefined) && (missing0 = "x")) || ((data0.y === undefined) && (missing0 = "y"))) || ((data0.w === undefined) && (missing0 = "w"))) || ((data0.h === undefined) && (missing0 = "h"))){
const err0 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'",schema:schema35.required,parentSchema:schema35,data:data0};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
else {
const _errs9 = errors;
for(const key1 in data0){
if(!((((key1 === "x") || (key1 === "y")) || (key1 === "w")) || (key1 === "h"))){
const err1 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key1},message:"must NOT have additional properties",schema:false,parentSchema:schema35,data:data0};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
break;
}
}
if(_errs9 === errors){
if(data0.x !== undefined){
let data1 = data0.x;
const _errs10 = errors;
if(!((typeof data1 == "number") && (isFinite(data1)))){
const err2 = {instancePath:instancePath+"/crop/x",schemaPath:"#/$defs/CropBox/properties/x/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.x.type,parentSchema:schema35.properties.x,data:data1};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
var valid4 = _errs10 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data0.y !== undefined){
let data2 = data0.y;
const _errs12 = errors;
if(!((typeof data2 == "number") && (isFinite(data2)))){
const err3 = {instancePath:instancePath+"/crop/y",schemaPath:"#/$defs/CropBox/properties/y/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.y.type,parentSchema:schema35.properties.y,data:data2};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
var valid4 = _errs12 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data0.w !== undefined){
let data3 = data0.w;
const _errs14 = errors;
if(!((typeof data3 == "number") && (isFinite(data3)))){
const err4 = {instancePath:instancePath+"/crop/w",schemaPath:"#/$defs/CropBox/properties/w/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.w.type,parentSchema:schema35.properties.w,data:data3};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
var valid4 = _errs14 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data0.h !== undefined){
let data4 = data0.h;
const _errs16 = errors;
if(!((typeof data4 == "number") && (isFinite(data4)))){
const err5 = {instancePath:instancePath+"/crop/h",schemaPath:"#/$defs/CropBox/properties/h/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.h.type,parentSchema:schema35.properties.h,data:data4};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
var valid4 = _errs16 === errors;
}
else {
var valid4 = true;
}
}
}
}
}
}
}
else {
const err6 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema35.type,parentSchema:schema35,data:data0};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
var _valid1 = _errs6 === errors;
if(_valid1){
valid2 = true;
passing0 = 0;
}
const _errs18 = errors;
if(errors === _errs18){
if(Array.isArray(data0)){
var valid5 = true;
const len0 = data0.length;
for(let i0=0; i0<len0; i0++){
let data5 = data0[i0];
const _errs20 = errors;
const _errs21 = errors;
if(errors === _errs21){
if(data5 && typeof data5 == "object" && !Array.isArray(data5)){
let missing1;
if((((((data5.x === undefined) && (missing1 = "x")) || ((data5.y === undefined) && (missing1 = "y"))) || ((data5.w === undefined) && (missing1 = "w"))) || ((data5.h === undefined) && (missing1 = "h"))) || ((data5.t === undefined) && (missing1 = "t"))){
const err7 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'",schema:schema36.required,parentSchema:schema36,data:data5};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
else {
const _errs23 = errors;
for(const key2 in data5){
if(!(((((key2 === "x") || (key2 === "y")) || (key2 === "w")) || (key2 === "h")) || (key2 === "t"))){
const err8 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key2},message:"must NOT have additional properties",schema:false,parentSchema:schema36,data:data5};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
break;
}
}
if(_errs23 === errors){
if(data5.x !== undefined){
let data6 = data5.x;
const _errs24 = errors;
if(!((typeof data6 == "number") && (isFinite(data6)))){
const err9 = {instancePath:instancePath+"/crop/" + i0+"/x",schemaPath:"#/$defs/Keyframe/properties/x/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.x.type,parentSchema:schema36.properties.x,data:data6};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
var valid7 = _errs24 === errors;
}
else {
var valid7 = true;
}
if(valid7){
if(data5.y !== undefined){
let data7 = data5.y;
const _errs26 = errors;
if(!((typeof data7 == "number") && (isFinite(data7)))){
const err10 = {instancePath:instancePath+"/crop/" + i0+"/y",schemaPath:"#/$defs/Keyframe/properties/y/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.y.type,parentSchema:schema36.properties.y,data:data7};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
var valid7 = _errs26 === errors;
}
else {
var valid7 = true;
}
if(valid7){
if(data5.w !== undefined){
let data8 = data5.w;
const _errs28 = errors;
if(!((typeof data8 == "number") && (isFinite(data8)))){
const err11 = {instancePath:instancePath+"/crop/" + i0+"/w",schemaPath:"#/$defs/Keyframe/properties/w/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.w.type,parentSchema:schema36.properties.w,data:data8};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
var valid7 = _errs28 === errors;
}
else {
var valid7 = true;
}
if(valid7){
if(data5.h !== undefined){
let data9 = data5.h;
const _errs30 = errors;
if(!((typeof data9 == "number") && (isFinite(data9)))){
const err12 = {instancePath:instancePath+"/crop/" + i0+"/h",schemaPath:"#/$defs/Keyframe/properties/h/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.h.type,parentSchema:schema36.properties.h,data:data9};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
var valid7 = _errs30 === errors;
}
else {
var valid7 = true;
}
if(valid7){
if(data5.t !== undefined){
let data10 = data5.t;
const _errs32 = errors;
if(!((typeof data10 == "number") && (isFinite(data10)))){
const err13 = {instancePath:instancePath+"/crop/" + i0+"/t",schemaPath:"#/$defs/Keyframe/properties/t/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.t.type,parentSchema:schema36.properties.t,data:data10};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
var valid7 = _errs32 === errors;
}
else {
var valid7 = true;
}
}
}
}
}
}
}
}
else {
const err14 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema36.type,parentSchema:schema36,data:data5};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
var valid5 = _errs20 === errors;
if(!valid5){
break;
}
}
}
else {
const err15 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf/1/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.crop.anyOf[0].oneOf[1].type,parentSchema:schema34.properties.crop.anyOf[0].oneOf[1],data:data0};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
var _valid1 = _errs18 === errors;
if(_valid1 && valid2){
valid2 = false;
passing0 = [passing0, 1];
}
else {
if(_valid1){
valid2 = true;
passing0 = 1;
}
}
if(!valid2){
const err16 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf",keyword:"oneOf",params:{passingSchemas: passing0},message:"must match exactly one schema in oneOf",schema:schema34.properties.crop.anyOf[0].oneOf,parentSchema:schema34.properties.crop.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
else {
errors = _errs5;
if(vErrors !== null){
if(_errs5){
vErrors.length = _errs5;
}
else {
vErrors = null;
}
}
}
var _valid0 = _errs4 === errors;
valid1 = valid1 || _valid0;
const _errs34 = errors;
if(data0 !== null){
const err17 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.crop.anyOf[1].type,parentSchema:schema34.properties.crop.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
var _valid0 = _errs34 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err18 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.crop.anyOf,parentSchema:schema34.properties.crop,data:data0};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs3;
if(vErrors !== null){
if(_errs3){
vErrors.length = _errs3;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.clamp !== undefined){
let data11 = data.clamp;
const _errs36 = errors;
if(typeof data11 !== "boolean"){
validate23.errors = [{instancePath:instancePath+"/clamp",schemaPath:"#/properties/clamp/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.clamp.type,parentSchema:schema34.properties.clamp,data:data11}];
return false;
}
var valid0 = _errs36 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.follow !== undefined){
let data12 = data.follow;
const _errs38 = errors;
const _errs39 = errors;
let valid8 = false;
const _errs40 = errors;
const _errs41 = errors;
if(errors === _errs41){
if(data12 && typeof data12 == "object" && !Array.isArray(data12)){
let missing2;
if((data12.track === undefined) && (missing2 = "track")){
const err19 = {instancePath:instancePath+"/follow",schemaPath:"#/$defs/Follow/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'",schema:schema37.required,parentSchema:schema37,data:data12};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
else {
const _errs43 = errors;
for(const key3 in data12){
if(!(((key3 === "track") || (key3 === "aspect")) || (key3 === "zoom"))){
const err20 = {instancePath:instancePath+"/follow",schemaPath:"#/$defs/Follow/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key3},message:"must NOT have additional properties",schema:false,parentSchema:schema37,data:data12};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
break;
}
}
if(_errs43 === errors){
if(data12.track !== undefined){
let data13 = data12.track;
const _errs44 = errors;
const _errs45 = errors;
let valid11 = false;
const _errs46 = errors;
if(!(((typeof data13 == "number") && (!(data13 % 1) && !isNaN(data13))) && (isFinite(data13)))){
const err21 = {instancePath:instancePath+"/follow/track",schemaPath:"#/$defs/Follow/properties/track/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema37.properties.track.anyOf[0].type,parentSchema:schema37.properties.track.anyOf[0],data:data13};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
var _valid3 = _errs46 === errors;
valid11 = valid11 || _valid3;
const _errs48 = errors;
if(typeof data13 !== "string"){
const err22 = {instancePath:instancePath+"/follow/track",schemaPath:"#/$defs/Follow/properties/track/anyOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema37.properties.track.anyOf[1].type,parentSchema:schema37.properties.track.anyOf[1],data:data13};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
if("main" !== data13){
const err23 = {instancePath:instancePath+"/follow/track",schemaPath:"#/$defs/Follow/properties/track/anyOf/1/const",keyword:"const",params:{allowedValue: "main"},message:"must be equal to constant",schema:"main",parentSchema:schema37.properties.track.anyOf[1],data:data13};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
var _valid3 = _errs48 === errors;
valid11 = valid11 || _valid3;
if(!valid11){
const err24 = {instancePath:instancePath+"/follow/track",schemaPath:"#/$defs/Follow/properties/track/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.track.anyOf,parentSchema:schema37.properties.track,data:data13};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
else {
errors = _errs45;
if(vErrors !== null){
if(_errs45){
vErrors.length = _errs45;
}
else {
vErrors = null;
}
}
}
var valid10 = _errs44 === errors;
}
else {
var valid10 = true;
}
if(valid10){
if(data12.aspect !== undefined){
let data14 = data12.aspect;
const _errs50 = errors;
const _errs51 = errors;
let valid12 = false;
const _errs52 = errors;
if(typeof data14 !== "string"){
const err25 = {instancePath:instancePath+"/follow/aspect",schemaPath:"#/$defs/Follow/properties/aspect/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema37.properties.aspect.anyOf[0].type,parentSchema:schema37.properties.aspect.anyOf[0],data:data14};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
var _valid4 = _errs52 === errors;
valid12 = valid12 || _valid4;
const _errs54 = errors;
if(data14 !== null){
const err26 = {instancePath:instancePath+"/follow/aspect",schemaPath:"#/$defs/Follow/properties/aspect/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.aspect.anyOf[1].type,parentSchema:schema37.properties.aspect.anyOf[1],data:data14};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
var _valid4 = _errs54 === errors;
valid12 = valid12 || _valid4;
if(!valid12){
const err27 = {instancePath:instancePath+"/follow/aspect",schemaPath:"#/$defs/Follow/properties/aspect/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.aspect.anyOf,parentSchema:schema37.properties.aspect,data:data14};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
else {
errors = _errs51;
if(vErrors !== null){
if(_errs51){
vErrors.length = _errs51;
}
else {
vErrors = null;
}
}
}
var valid10 = _errs50 === errors;
}
else {
var valid10 = true;
}
if(valid10){
if(data12.zoom !== undefined){
let data15 = data12.zoom;
const _errs56 = errors;
const _errs57 = errors;
let valid13 = false;
const _errs58 = errors;
if(!((typeof data15 == "number") && (isFinite(data15)))){
const err28 = {instancePath:instancePath+"/follow/zoom",schemaPath:"#/$defs/Follow/properties/zoom/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema37.properties.zoom.anyOf[0].type,parentSchema:schema37.properties.zoom.anyOf[0],data:data15};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
var _valid5 = _errs58 === errors;
valid13 = valid13 || _valid5;
const _errs60 = errors;
if(data15 !== null){
const err29 = {instancePath:instancePath+"/follow/zoom",schemaPath:"#/$defs/Follow/properties/zoom/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.zoom.anyOf[1].type,parentSchema:schema37.properties.zoom.anyOf[1],data:data15};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
var _valid5 = _errs60 === errors;
valid13 = valid13 || _valid5;
if(!valid13){
const err30 = {instancePath:instancePath+"/follow/zoom",schemaPath:"#/$defs/Follow/properties/zoom/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.zoom.anyOf,parentSchema:schema37.properties.zoom,data:data15};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
else {
errors = _errs57;
if(vErrors !== null){
if(_errs57){
vErrors.length = _errs57;
}
else {
vErrors = null;
}
}
}
var valid10 = _errs56 === errors;
}
else {
var valid10 = true;
}
}
}
}
}
}
else {
const err31 = {instancePath:instancePath+"/follow",schemaPath:"#/$defs/Follow/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema37.type,parentSchema:schema37,data:data12};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
}
var _valid2 = _errs40 === errors;
valid8 = valid8 || _valid2;
const _errs62 = errors;
if(data12 !== null){
const err32 = {instancePath:instancePath+"/follow",schemaPath:"#/properties/follow/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.follow.anyOf[1].type,parentSchema:schema34.properties.follow.anyOf[1],data:data12};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
var _valid2 = _errs62 === errors;
valid8 = valid8 || _valid2;
if(!valid8){
const err33 = {instancePath:instancePath+"/follow",schemaPath:"#/properties/follow/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.follow.anyOf,parentSchema:schema34.properties.follow,data:data12};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs39;
if(vErrors !== null){
if(_errs39){
vErrors.length = _errs39;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs38 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tracks !== undefined){
let data16 = data.tracks;
const _errs64 = errors;
const _errs65 = errors;
let valid14 = false;
const _errs66 = errors;
if(errors === _errs66){
if(data16 && typeof data16 == "object" && !Array.isArray(data16)){
}
else {
const err34 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/0/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.properties.tracks.anyOf[0].type,parentSchema:schema34.properties.tracks.anyOf[0],data:data16};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
}
var _valid6 = _errs66 === errors;
valid14 = valid14 || _valid6;
const _errs69 = errors;
if(typeof data16 !== "string"){
const err35 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.tracks.anyOf[1].type,parentSchema:schema34.properties.tracks.anyOf[1],data:data16};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
var _valid6 = _errs69 === errors;
valid14 = valid14 || _valid6;
const _errs71 = errors;
if(data16 !== null){
const err36 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/2/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.tracks.anyOf[2].type,parentSchema:schema34.properties.tracks.anyOf[2],data:data16};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
var _valid6 = _errs71 === errors;
valid14 = valid14 || _valid6;
if(!valid14){
const err37 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.tracks.anyOf,parentSchema:schema34.properties.tracks,data:data16};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs65;
if(vErrors !== null){
if(_errs65){
vErrors.length = _errs65;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs64 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.upscale !== undefined){
let data17 = data.upscale;
const _errs73 = errors;
const _errs74 = errors;
let valid15 = false;
const _errs75 = errors;
if(typeof data17 !== "boolean"){
const err38 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf/0/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.upscale.anyOf[0].type,parentSchema:schema34.properties.upscale.anyOf[0],data:data17};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
var _valid7 = _errs75 === errors;
valid15 = valid15 || _valid7;
const _errs77 = errors;
if(data17 !== null){
const err39 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.upscale.anyOf[1].type,parentSchema:schema34.properties.upscale.anyOf[1],data:data17};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
var _valid7 = _errs77 === errors;
valid15 = valid15 || _valid7;
if(!valid15){
const err40 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.upscale.anyOf,parentSchema:schema34.properties.upscale,data:data17};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs74;
if(vErrors !== null){
if(_errs74){
vErrors.length = _errs74;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs73 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.upscale_model !== undefined){
let data18 = data.upscale_model;
const _errs79 = errors;
const _errs80 = errors;
let valid16 = false;
const _errs81 = errors;
if(errors === _errs81){
if(typeof data18 === "string"){
if(func1(data18) > 200){
const err41 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema34.properties.upscale_model.anyOf[0],data:data18};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
}
else {
const err42 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.upscale_model.anyOf[0].type,parentSchema:schema34.properties.upscale_model.anyOf[0],data:data18};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
}
var _valid8 = _errs81 === errors;
valid16 = valid16 || _valid8;
const _errs83 = errors;
if(data18 !== null){
const err43 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.upscale_model.anyOf[1].type,parentSchema:schema34.properties.upscale_model.anyOf[1],data:data18};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
var _valid8 = _errs83 === errors;
valid16 = valid16 || _valid8;
if(!valid16){
const err44 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.upscale_model.anyOf,parentSchema:schema34.properties.upscale_model,data:data18};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs80;
if(vErrors !== null){
if(_errs80){
vErrors.length = _errs80;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs79 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.size !== undefined){
let data19 = data.size;
const _errs85 = errors;
const _errs86 = errors;
let valid17 = false;
const _errs87 = errors;
const _errs88 = errors;
let valid18 = false;
let passing1 = null;
const _errs89 = errors;
const _errs90 = errors;
if(errors === _errs90){
if(data19 && typeof data19 == "object" && !Array.isArray(data19)){
let missing3;
if(((data19.w === undefined) && (missing3 = "w")) || ((data19.h === undefined) && (missing3 = "h"))){
const err45 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/required",keyword:"required",params:{missingProperty: missing3},message:"must have required property '"+missing3+"'",schema:schema38.required,parentSchema:schema38,data:data19};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
}
else {
const _errs92 = errors;
for(const key4 in data19){
if(!((key4 === "w") || (key4 === "h"))){
const err46 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key4},message:"must NOT have additional properties",schema:false,parentSchema:schema38,data:data19};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
break;
}
}
if(_errs92 === errors){
if(data19.w !== undefined){
let data20 = data19.w;
const _errs93 = errors;
if(!(((typeof data20 == "number") && (!(data20 % 1) && !isNaN(data20))) && (isFinite(data20)))){
const err47 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema38.properties.w.type,parentSchema:schema38.properties.w,data:data20};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
}
if(errors === _errs93){
if((typeof data20 == "number") && (isFinite(data20))){
if(data20 > 16384 || isNaN(data20)){
const err48 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16384},message:"must be <= 16384",schema:16384,parentSchema:schema38.properties.w,data:data20};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
else {
if(data20 < 1 || isNaN(data20)){
const err49 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema38.properties.w,data:data20};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
}
}
}
}
var valid20 = _errs93 === errors;
}
else {
var valid20 = true;
}
if(valid20){
if(data19.h !== undefined){
let data21 = data19.h;
const _errs95 = errors;
if(!(((typeof data21 == "number") && (!(data21 % 1) && !isNaN(data21))) && (isFinite(data21)))){
const err50 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema38.properties.h.type,parentSchema:schema38.properties.h,data:data21};
if(vErrors === null){
vErrors = [err50];
}
else {
vErrors.push(err50);
}
errors++;
}
if(errors === _errs95){
if((typeof data21 == "number") && (isFinite(data21))){
if(data21 > 16384 || isNaN(data21)){
const err51 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16384},message:"must be <= 16384",schema:16384,parentSchema:schema38.properties.h,data:data21};
if(vErrors === null){
vErrors = [err51];
}
else {
vErrors.push(err51);
}
errors++;
}
else {
if(data21 < 1 || isNaN(data21)){
const err52 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema38.properties.h,data:data21};
if(vErrors === null){
vErrors = [err52];
}
else {
vErrors.push(err52);
}
errors++;
}
}
}
}
var valid20 = _errs95 === errors;
}
else {
var valid20 = true;
}
}
}
}
}
else {
const err53 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema38.type,parentSchema:schema38,data:data19};
if(vErrors === null){
vErrors = [err53];
}
else {
vErrors.push(err53);
}
errors++;
}
}
var _valid10 = _errs89 === errors;
if(_valid10){
valid18 = true;
passing1 = 0;
}
const _errs97 = errors;
if(errors === _errs97){
if(typeof data19 === "string"){
if(!pattern4.test(data19)){
const err54 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf/1/pattern",keyword:"pattern",params:{pattern: "^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$"},message:"must match pattern \""+"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$"+"\"",schema:"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",parentSchema:schema34.properties.size.anyOf[0].oneOf[1],data:data19};
if(vErrors === null){
vErrors = [err54];
}
else {
vErrors.push(err54);
}
errors++;
}
}
else {
const err55 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.size.anyOf[0].oneOf[1].type,parentSchema:schema34.properties.size.anyOf[0].oneOf[1],data:data19};
if(vErrors === null){
vErrors = [err55];
}
else {
vErrors.push(err55);
}
errors++;
}
}
var _valid10 = _errs97 === errors;
if(_valid10 && valid18){
valid18 = false;
passing1 = [passing1, 1];
}
else {
if(_valid10){
valid18 = true;
passing1 = 1;
}
}
if(!valid18){
const err56 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf",keyword:"oneOf",params:{passingSchemas: passing1},message:"must match exactly one schema in oneOf",schema:schema34.properties.size.anyOf[0].oneOf,parentSchema:schema34.properties.size.anyOf[0],data:data19};
if(vErrors === null){
vErrors = [err56];
}
else {
vErrors.push(err56);
}
errors++;
}
else {
errors = _errs88;
if(vErrors !== null){
if(_errs88){
vErrors.length = _errs88;
}
else {
vErrors = null;
}
}
}
var _valid9 = _errs87 === errors;
valid17 = valid17 || _valid9;
const _errs99 = errors;
if(data19 !== null){
const err57 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.size.anyOf[1].type,parentSchema:schema34.properties.size.anyOf[1],data:data19};
if(vErrors === null){
vErrors = [err57];
}
else {
vErrors.push(err57);
}
errors++;
}
var _valid9 = _errs99 === errors;
valid17 = valid17 || _valid9;
if(!valid17){
const err58 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.size.anyOf,parentSchema:schema34.properties.size,data:data19};
if(vErrors === null){
vErrors = [err58];
}
else {
vErrors.push(err58);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs86;
if(vErrors !== null){
if(_errs86){
vErrors.length = _errs86;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs85 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.format !== undefined){
let data22 = data.format;
const _errs101 = errors;
const _errs102 = errors;
let valid21 = false;
const _errs103 = errors;
if(typeof data22 !== "string"){
const err59 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.format.anyOf[0].type,parentSchema:schema34.properties.format.anyOf[0],data:data22};
if(vErrors === null){
vErrors = [err59];
}
else {
vErrors.push(err59);
}
errors++;
}
if(!(((((data22 === "mp4") || (data22 === "mov")) || (data22 === "webm")) || (data22 === "mkv")) || (data22 === "gif"))){
const err60 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/0/enum",keyword:"enum",params:{allowedValues: schema34.properties.format.anyOf[0].enum},message:"must be equal to one of the allowed values",schema:schema34.properties.format.anyOf[0].enum,parentSchema:schema34.properties.format.anyOf[0],data:data22};
if(vErrors === null){
vErrors = [err60];
}
else {
vErrors.push(err60);
}
errors++;
}
var _valid11 = _errs103 === errors;
valid21 = valid21 || _valid11;
const _errs105 = errors;
if(data22 !== null){
const err61 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.format.anyOf[1].type,parentSchema:schema34.properties.format.anyOf[1],data:data22};
if(vErrors === null){
vErrors = [err61];
}
else {
vErrors.push(err61);
}
errors++;
}
var _valid11 = _errs105 === errors;
valid21 = valid21 || _valid11;
if(!valid21){
const err62 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.format.anyOf,parentSchema:schema34.properties.format,data:data22};
if(vErrors === null){
vErrors = [err62];
}
else {
vErrors.push(err62);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs102;
if(vErrors !== null){
if(_errs102){
vErrors.length = _errs102;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs101 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.quality !== undefined){
let data23 = data.quality;
const _errs107 = errors;
if(typeof data23 !== "string"){
validate23.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.quality.type,parentSchema:schema34.properties.quality,data:data23}];
return false;
}
if(!((((data23 === "high") || (data23 === "medium")) || (data23 === "low")) || (data23 === "lossless"))){
validate23.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/enum",keyword:"enum",params:{allowedValues: schema34.properties.quality.enum},message:"must be equal to one of the allowed values",schema:schema34.properties.quality.enum,parentSchema:schema34.properties.quality,data:data23}];
return false;
}
var valid0 = _errs107 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.start !== undefined){
let data24 = data.start;
const _errs109 = errors;
const _errs110 = errors;
let valid22 = false;
const _errs111 = errors;
if(!((typeof data24 == "number") && (isFinite(data24)))){
const err63 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.start.anyOf[0].type,parentSchema:schema34.properties.start.anyOf[0],data:data24};
if(vErrors === null){
vErrors = [err63];
}
else {
vErrors.push(err63);
}
errors++;
}
var _valid12 = _errs111 === errors;
valid22 = valid22 || _valid12;
const _errs113 = errors;
if(data24 !== null){
const err64 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.start.anyOf[1].type,parentSchema:schema34.properties.start.anyOf[1],data:data24};
if(vErrors === null){
vErrors = [err64];
}
else {
vErrors.push(err64);
}
errors++;
}
var _valid12 = _errs113 === errors;
valid22 = valid22 || _valid12;
if(!valid22){
const err65 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.start.anyOf,parentSchema:schema34.properties.start,data:data24};
if(vErrors === null){
vErrors = [err65];
}
else {
vErrors.push(err65);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs110;
if(vErrors !== null){
if(_errs110){
vErrors.length = _errs110;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs109 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.end !== undefined){
let data25 = data.end;
const _errs115 = errors;
const _errs116 = errors;
let valid23 = false;
const _errs117 = errors;
if(!((typeof data25 == "number") && (isFinite(data25)))){
const err66 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.end.anyOf[0].type,parentSchema:schema34.properties.end.anyOf[0],data:data25};
if(vErrors === null){
vErrors = [err66];
}
else {
vErrors.push(err66);
}
errors++;
}
var _valid13 = _errs117 === errors;
valid23 = valid23 || _valid13;
const _errs119 = errors;
if(data25 !== null){
const err67 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.end.anyOf[1].type,parentSchema:schema34.properties.end.anyOf[1],data:data25};
if(vErrors === null){
vErrors = [err67];
}
else {
vErrors.push(err67);
}
errors++;
}
var _valid13 = _errs119 === errors;
valid23 = valid23 || _valid13;
if(!valid23){
const err68 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.end.anyOf,parentSchema:schema34.properties.end,data:data25};
if(vErrors === null){
vErrors = [err68];
}
else {
vErrors.push(err68);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs116;
if(vErrors !== null){
if(_errs116){
vErrors.length = _errs116;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs115 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tonemap !== undefined){
let data26 = data.tonemap;
const _errs121 = errors;
if(typeof data26 !== "boolean"){
validate23.errors = [{instancePath:instancePath+"/tonemap",schemaPath:"#/properties/tonemap/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.tonemap.type,parentSchema:schema34.properties.tonemap,data:data26}];
return false;
}
var valid0 = _errs121 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reuse_tolerance !== undefined){
let data27 = data.reuse_tolerance;
const _errs123 = errors;
if(!(((typeof data27 == "number") && (!(data27 % 1) && !isNaN(data27))) && (isFinite(data27)))){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.reuse_tolerance.type,parentSchema:schema34.properties.reuse_tolerance,data:data27}];
return false;
}
if(errors === _errs123){
if((typeof data27 == "number") && (isFinite(data27))){
if(data27 > 16 || isNaN(data27)){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16},message:"must be <= 16",schema:16,parentSchema:schema34.properties.reuse_tolerance,data:data27}];
return false;
}
else {
if(data27 < 0 || isNaN(data27)){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema34.properties.reuse_tolerance,data:data27}];
return false;
}
}
}
}
var valid0 = _errs123 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
else {
validate23.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.type,parentSchema:schema34,data}];
return false;
}
}
validate23.errors = vErrors;
return errors === 0;
}
validate23.evaluated = {"props":true,"dynamicProps":false,"dynamicItems":false};
