// Made by `make docs` from docs/jobs.schema.json; do not edit.
function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
"use strict";
export const upscaleParams = validate21;
const schema32 = {"additionalProperties":false,"description":"How to upscale a video.","properties":{"model":{"anyOf":[{"$comment":"it has a character that no name has; leave it out","maxLength":200,"not":{"pattern":"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]","type":"string"},"type":"string"},{"type":"null"}],"default":null,"title":"Model","description":"A model of the model repository; null uses the worker's default model."},"scale":{"anyOf":[{"maximum":16,"minimum":1,"type":"number"},{"type":"null"}],"default":null,"title":"Scale","description":"Output size divided by input size, in each direction; null uses the model's own scale."},"quality":{"default":"high","enum":["high","medium","low","lossless"],"title":"Quality","type":"string","description":"The quality of the encoding."},"tonemap":{"default":false,"title":"Tonemap","type":"boolean","description":"Converts HDR (PQ, HLG) to SDR (BT.709), which models are trained on."},"reuse_tolerance":{"default":0,"maximum":16,"minimum":0,"title":"Reuse Tolerance","type":"integer","description":"The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical parts."},"stabilize":{"default":false,"title":"Stabilize","type":"boolean","description":"Holds the picture where the source stands still, so that it does not flicker. Changes of the source of at most 5 levels of 0 to 255, as compression makes them, are not shown there. A video with it is not made as a film."}},"title":"UpscaleParams","type":"object"};
const pattern4 = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]", "u");
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
if(!((((((key0 === "model") || (key0 === "scale")) || (key0 === "quality")) || (key0 === "tonemap")) || (key0 === "reuse_tolerance")) || (key0 === "stabilize"))){
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
const _errs7 = errors;
const _errs8 = errors;
if(errors === _errs8){
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
const err0 = {};
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
const err1 = {};
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
if(valid2){
const err2 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema32.properties.model.anyOf[0].not,parentSchema:schema32.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
else {
errors = _errs7;
if(vErrors !== null){
if(_errs7){
vErrors.length = _errs7;
}
else {
vErrors = null;
}
}
}
if(errors === _errs4){
if(typeof data0 === "string"){
if(func1(data0) > 200){
const err3 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema32.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
else {
const err4 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema32.properties.model.anyOf[0].type,parentSchema:schema32.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
var _valid0 = _errs4 === errors;
valid1 = valid1 || _valid0;
const _errs10 = errors;
if(data0 !== null){
const err5 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema32.properties.model.anyOf[1].type,parentSchema:schema32.properties.model.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
var _valid0 = _errs10 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err6 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema32.properties.model.anyOf,parentSchema:schema32.properties.model,data:data0};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
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
const _errs12 = errors;
const _errs13 = errors;
let valid3 = false;
const _errs14 = errors;
if(errors === _errs14){
if((typeof data1 == "number") && (isFinite(data1))){
if(data1 > 16 || isNaN(data1)){
const err7 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16},message:"must be <= 16",schema:16,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
else {
if(data1 < 1 || isNaN(data1)){
const err8 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
}
else {
const err9 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema32.properties.scale.anyOf[0].type,parentSchema:schema32.properties.scale.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
var _valid1 = _errs14 === errors;
valid3 = valid3 || _valid1;
const _errs16 = errors;
if(data1 !== null){
const err10 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema32.properties.scale.anyOf[1].type,parentSchema:schema32.properties.scale.anyOf[1],data:data1};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
var _valid1 = _errs16 === errors;
valid3 = valid3 || _valid1;
if(!valid3){
const err11 = {instancePath:instancePath+"/scale",schemaPath:"#/properties/scale/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema32.properties.scale.anyOf,parentSchema:schema32.properties.scale,data:data1};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
validate21.errors = vErrors;
return false;
}
else {
errors = _errs13;
if(vErrors !== null){
if(_errs13){
vErrors.length = _errs13;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs12 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.quality !== undefined){
let data2 = data.quality;
const _errs18 = errors;
if(typeof data2 !== "string"){
validate21.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema32.properties.quality.type,parentSchema:schema32.properties.quality,data:data2}];
return false;
}
if(!((((data2 === "high") || (data2 === "medium")) || (data2 === "low")) || (data2 === "lossless"))){
validate21.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/enum",keyword:"enum",params:{allowedValues: schema32.properties.quality.enum},message:"must be equal to one of the allowed values",schema:schema32.properties.quality.enum,parentSchema:schema32.properties.quality,data:data2}];
return false;
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tonemap !== undefined){
let data3 = data.tonemap;
const _errs20 = errors;
if(typeof data3 !== "boolean"){
validate21.errors = [{instancePath:instancePath+"/tonemap",schemaPath:"#/properties/tonemap/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema32.properties.tonemap.type,parentSchema:schema32.properties.tonemap,data:data3}];
return false;
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reuse_tolerance !== undefined){
let data4 = data.reuse_tolerance;
const _errs22 = errors;
if(!(((typeof data4 == "number") && (!(data4 % 1) && !isNaN(data4))) && (isFinite(data4)))){
validate21.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema32.properties.reuse_tolerance.type,parentSchema:schema32.properties.reuse_tolerance,data:data4}];
return false;
}
if(errors === _errs22){
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
var valid0 = _errs22 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.stabilize !== undefined){
let data5 = data.stabilize;
const _errs24 = errors;
if(typeof data5 !== "boolean"){
validate21.errors = [{instancePath:instancePath+"/stabilize",schemaPath:"#/properties/stabilize/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema32.properties.stabilize.type,parentSchema:schema32.properties.stabilize,data:data5}];
return false;
}
var valid0 = _errs24 === errors;
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
const schema33 = {"additionalProperties":false,"description":"What to track, and how.","properties":{"model":{"anyOf":[{"$comment":"it has a character that no name has; leave it out","maxLength":200,"not":{"pattern":"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]","type":"string"},"type":"string"},{"type":"null"}],"default":null,"title":"Model","description":"A detector of the model repository, or the alias `yolov8`; null uses the worker's default detector."},"classes":{"anyOf":[{"items":{"$comment":"it has a character that no name has; leave it out","maxLength":200,"not":{"pattern":"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]","type":"string"},"type":"string"},"minItems":1,"type":"array"},{"type":"null"}],"default":null,"title":"Classes","description":"The names of the classes to report; null reports all. A name with commas that the model does not know is split at the commas into several names."},"confidence":{"default":0.5,"maximum":1,"minimum":0,"title":"Confidence","type":"number","description":"Tracks whose detections score less on average are not reported, unless eight or more of them in a row score at least 0.05 more than this on average. The tracker still uses every box of the model, so that a track continues through frames where the model is unsure."},"tracker":{"default":"bytetrack","enum":["bytetrack","botsort"],"title":"Tracker","type":"string","description":"The tracking algorithm; `botsort` also compensates for the camera's motion."},"stride":{"default":1,"maximum":30,"minimum":1,"title":"Stride","type":"integer","description":"The detector sees every stride-th frame; boxes between are interpolated."},"fill_gaps_sec":{"default":0,"maximum":10,"minimum":0,"title":"Fill Gaps Sec","type":"number","description":"Gaps in a track of at most this many seconds are filled by interpolation."},"side":{"anyOf":[{"maximum":4096,"minimum":32,"type":"integer"},{"type":"null"}],"default":null,"title":"Side","description":"The longer side of the pictures that the detector sees, in pixels; null uses the model's own."},"batch":{"default":4,"maximum":64,"minimum":1,"title":"Batch","type":"integer","description":"The maximum number of frames in one request to the detector."}},"title":"TrackParams","type":"object"};

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
const _errs3 = errors;
let valid1 = false;
const _errs4 = errors;
const _errs7 = errors;
const _errs8 = errors;
if(errors === _errs8){
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
const err0 = {};
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
const err1 = {};
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
if(valid2){
const err2 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema33.properties.model.anyOf[0].not,parentSchema:schema33.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
else {
errors = _errs7;
if(vErrors !== null){
if(_errs7){
vErrors.length = _errs7;
}
else {
vErrors = null;
}
}
}
if(errors === _errs4){
if(typeof data0 === "string"){
if(func1(data0) > 200){
const err3 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema33.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
else {
const err4 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.model.anyOf[0].type,parentSchema:schema33.properties.model.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
var _valid0 = _errs4 === errors;
valid1 = valid1 || _valid0;
const _errs10 = errors;
if(data0 !== null){
const err5 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema33.properties.model.anyOf[1].type,parentSchema:schema33.properties.model.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
var _valid0 = _errs10 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err6 = {instancePath:instancePath+"/model",schemaPath:"#/properties/model/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema33.properties.model.anyOf,parentSchema:schema33.properties.model,data:data0};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
validate22.errors = vErrors;
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
if(data.classes !== undefined){
let data1 = data.classes;
const _errs12 = errors;
const _errs13 = errors;
let valid3 = false;
const _errs14 = errors;
if(errors === _errs14){
if(Array.isArray(data1)){
if(data1.length < 1){
const err7 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf/0/minItems",keyword:"minItems",params:{limit: 1},message:"must NOT have fewer than 1 items",schema:1,parentSchema:schema33.properties.classes.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
else {
var valid4 = true;
const len0 = data1.length;
for(let i0=0; i0<len0; i0++){
let data2 = data1[i0];
const _errs16 = errors;
const _errs19 = errors;
const _errs20 = errors;
if(errors === _errs20){
if(typeof data2 === "string"){
if(!pattern4.test(data2)){
const err8 = {};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
else {
const err9 = {};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
var valid5 = _errs20 === errors;
if(valid5){
const err10 = {instancePath:instancePath+"/classes/" + i0,schemaPath:"#/properties/classes/anyOf/0/items/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema33.properties.classes.anyOf[0].items.not,parentSchema:schema33.properties.classes.anyOf[0].items,data:data2};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
else {
errors = _errs19;
if(vErrors !== null){
if(_errs19){
vErrors.length = _errs19;
}
else {
vErrors = null;
}
}
}
if(errors === _errs16){
if(typeof data2 === "string"){
if(func1(data2) > 200){
const err11 = {instancePath:instancePath+"/classes/" + i0,schemaPath:"#/properties/classes/anyOf/0/items/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema33.properties.classes.anyOf[0].items,data:data2};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
}
else {
const err12 = {instancePath:instancePath+"/classes/" + i0,schemaPath:"#/properties/classes/anyOf/0/items/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.classes.anyOf[0].items.type,parentSchema:schema33.properties.classes.anyOf[0].items,data:data2};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
var valid4 = _errs16 === errors;
if(!valid4){
break;
}
}
}
}
else {
const err13 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf/0/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema33.properties.classes.anyOf[0].type,parentSchema:schema33.properties.classes.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
var _valid1 = _errs14 === errors;
valid3 = valid3 || _valid1;
const _errs22 = errors;
if(data1 !== null){
const err14 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema33.properties.classes.anyOf[1].type,parentSchema:schema33.properties.classes.anyOf[1],data:data1};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
var _valid1 = _errs22 === errors;
valid3 = valid3 || _valid1;
if(!valid3){
const err15 = {instancePath:instancePath+"/classes",schemaPath:"#/properties/classes/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema33.properties.classes.anyOf,parentSchema:schema33.properties.classes,data:data1};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
validate22.errors = vErrors;
return false;
}
else {
errors = _errs13;
if(vErrors !== null){
if(_errs13){
vErrors.length = _errs13;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs12 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.confidence !== undefined){
let data3 = data.confidence;
const _errs24 = errors;
if(errors === _errs24){
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
var valid0 = _errs24 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.tracker !== undefined){
let data4 = data.tracker;
const _errs26 = errors;
if(typeof data4 !== "string"){
validate22.errors = [{instancePath:instancePath+"/tracker",schemaPath:"#/properties/tracker/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema33.properties.tracker.type,parentSchema:schema33.properties.tracker,data:data4}];
return false;
}
if(!((data4 === "bytetrack") || (data4 === "botsort"))){
validate22.errors = [{instancePath:instancePath+"/tracker",schemaPath:"#/properties/tracker/enum",keyword:"enum",params:{allowedValues: schema33.properties.tracker.enum},message:"must be equal to one of the allowed values",schema:schema33.properties.tracker.enum,parentSchema:schema33.properties.tracker,data:data4}];
return false;
}
var valid0 = _errs26 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.stride !== undefined){
let data5 = data.stride;
const _errs28 = errors;
if(!(((typeof data5 == "number") && (!(data5 % 1) && !isNaN(data5))) && (isFinite(data5)))){
validate22.errors = [{instancePath:instancePath+"/stride",schemaPath:"#/properties/stride/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.stride.type,parentSchema:schema33.properties.stride,data:data5}];
return false;
}
if(errors === _errs28){
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
var valid0 = _errs28 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.fill_gaps_sec !== undefined){
let data6 = data.fill_gaps_sec;
const _errs30 = errors;
if(errors === _errs30){
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
var valid0 = _errs30 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.side !== undefined){
let data7 = data.side;
const _errs32 = errors;
const _errs33 = errors;
let valid6 = false;
const _errs34 = errors;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
const err16 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.side.anyOf[0].type,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
if(errors === _errs34){
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 > 4096 || isNaN(data7)){
const err17 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 4096},message:"must be <= 4096",schema:4096,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
else {
if(data7 < 32 || isNaN(data7)){
const err18 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 32},message:"must be >= 32",schema:32,parentSchema:schema33.properties.side.anyOf[0],data:data7};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
}
}
var _valid2 = _errs34 === errors;
valid6 = valid6 || _valid2;
const _errs36 = errors;
if(data7 !== null){
const err19 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema33.properties.side.anyOf[1].type,parentSchema:schema33.properties.side.anyOf[1],data:data7};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
var _valid2 = _errs36 === errors;
valid6 = valid6 || _valid2;
if(!valid6){
const err20 = {instancePath:instancePath+"/side",schemaPath:"#/properties/side/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema33.properties.side.anyOf,parentSchema:schema33.properties.side,data:data7};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
validate22.errors = vErrors;
return false;
}
else {
errors = _errs33;
if(vErrors !== null){
if(_errs33){
vErrors.length = _errs33;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs32 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.batch !== undefined){
let data8 = data.batch;
const _errs38 = errors;
if(!(((typeof data8 == "number") && (!(data8 % 1) && !isNaN(data8))) && (isFinite(data8)))){
validate22.errors = [{instancePath:instancePath+"/batch",schemaPath:"#/properties/batch/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema33.properties.batch.type,parentSchema:schema33.properties.batch,data:data8}];
return false;
}
if(errors === _errs38){
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
var valid0 = _errs38 === errors;
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
const schema34 = {"additionalProperties":false,"allOf":[{"$comment":"give a crop or a subject to follow, not both","not":{"allOf":[{"properties":{"crop":{"not":{"type":"null"}}},"required":["crop"]},{"properties":{"follow":{"not":{"type":"null"}}},"required":["follow"]}]}},{"$comment":"following needs tracks: the result of a track job on the same video","not":{"allOf":[{"properties":{"follow":{"not":{"type":"null"}}},"required":["follow"]},{"properties":{"tracks":{"type":"null"}}}]}},{"$comment":"tracks without follow: name the track that the crop follows","not":{"allOf":[{"properties":{"tracks":{"not":{"type":"null"}}},"required":["tracks"]},{"properties":{"follow":{"type":"null"}}}]}},{"$comment":"reuse_tolerance without upscale: nothing is inferred, leave it out","not":{"anyOf":[{"properties":{"upscale":{"const":false}},"required":["upscale"]},{"properties":{"upscale":{"type":"null"},"upscale_model":{"type":"null"}}}],"properties":{"reuse_tolerance":{"exclusiveMinimum":0}},"required":["reuse_tolerance"]}}],"description":"The part of a video to export, and how to export it.","properties":{"crop":{"anyOf":[{"oneOf":[{"$ref":"#/$defs/CropBox"},{"items":{"$ref":"#/$defs/Keyframe"},"maxItems":100000,"minItems":2,"type":"array"}]},{"type":"null"}],"default":null,"title":"Crop","description":"The part of the picture: a box, or keyframes of a moving crop; null is the whole picture."},"clamp":{"default":false,"title":"Clamp","type":"boolean","description":"Moves a crop that leaves the picture back into it, instead of refusing it."},"follow":{"anyOf":[{"$ref":"#/$defs/Follow"},{"type":"null"}],"default":null,"description":"Lets the crop follow a subject of `tracks`; instead of `crop`."},"tracks":{"anyOf":[{"additionalProperties":true,"properties":{"tracks":{"description":"The tracks of the video.","items":{"properties":{"id":{"description":"The id of the track, which no other has.","maximum":9007199254740991,"minimum":-9007199254740991,"type":"integer"},"frames":{"description":"The boxes of the track, in order.","items":{"properties":{"frame":{"description":"The index of the frame, from 0; frames of a track rise.","maximum":9007199254740991,"minimum":0,"type":"integer"},"bbox":{"description":"Left, top, width and height, in pixels of the picture as displayed.","items":false,"minItems":4,"prefixItems":[{"type":"number"},{"type":"number"},{"exclusiveMinimum":0,"type":"number"},{"exclusiveMinimum":0,"type":"number"}],"type":"array"}},"required":["frame","bbox"],"type":"object"},"minItems":1,"type":"array"}},"required":["id","frames"],"type":"object"},"maxItems":100000,"type":"array"},"video":{"description":"The video that was tracked. If it is given, the boxes must lie in it.","properties":{"width":{"anyOf":[{"maximum":9007199254740991,"minimum":1,"type":"integer"},{"type":"null"}],"description":"The width of the picture as displayed, in pixels."},"height":{"anyOf":[{"maximum":9007199254740991,"minimum":1,"type":"integer"},{"type":"null"}],"description":"The height of the picture as displayed, in pixels."},"frames":{"anyOf":[{"maximum":9007199254740991,"minimum":1,"type":"integer"},{"type":"null"}],"description":"The number of frames of the video."},"cuts":{"description":"The first frame of every shot but the first, rising.","items":{"maximum":9007199254740991,"minimum":1,"type":"integer"},"type":"array"}},"type":"object"}},"required":["tracks"],"type":"object"},{"$comment":"give an https address, or s3://bucket/key","maxLength":8192,"pattern":"^([Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\\[\\]-~]*)?|s3://[a-z0-9.-]{3,63}/[^\\x00-\\x1f\\x7f]+)$","type":"string"},{"type":"null"}],"default":null,"title":"Tracks","description":"The result of a track job on the same video: the document itself, or a URL of it."},"upscale":{"anyOf":[{"type":"boolean"},{"type":"null"}],"default":null,"title":"Upscale","description":"Whether a model enlarges the crop; null enlarges it where `upscale_model` names a model."},"upscale_model":{"anyOf":[{"$comment":"it has a character that no name has; leave it out","maxLength":200,"not":{"pattern":"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]","type":"string"},"type":"string"},{"type":"null"}],"default":null,"title":"Upscale Model","description":"A model of the model repository; null uses the worker's default model."},"size":{"anyOf":[{"oneOf":[{"$ref":"#/$defs/Size"},{"$comment":"give width and height in pixels, at most 16384, as in 1080x1920","pattern":"^([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])x([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])$","type":"string"}]},{"type":"null"}],"default":null,"title":"Size","description":"The size of the output, as `1080x1920` or {\"w\": 1080, \"h\": 1920}; null uses the crop's own size, times the model's scale. A size of another aspect ratio does not distort the picture: the output's pixels are then not square."},"format":{"anyOf":[{"enum":["mp4","mov","webm","mkv","gif"],"type":"string"},{"type":"null"}],"default":null,"title":"Format","description":"The file format; null takes it from the suffix of the output, or mp4 if it has no suffix."},"quality":{"default":"high","enum":["high","medium","low","lossless"],"title":"Quality","type":"string","description":"The quality of the encoding."},"start":{"anyOf":[{"minimum":0,"type":"number"},{"type":"null"}],"default":null,"title":"Start","description":"Where the exported part begins, in seconds from the start of the source; null is its start."},"end":{"anyOf":[{"exclusiveMinimum":0,"type":"number"},{"type":"null"}],"default":null,"title":"End","description":"Where the exported part ends, in seconds from the start of the source; null is its end."},"tonemap":{"default":false,"title":"Tonemap","type":"boolean","description":"Converts HDR (PQ, HLG) to SDR (BT.709)."},"reuse_tolerance":{"default":0,"maximum":16,"minimum":0,"title":"Reuse Tolerance","type":"integer","description":"The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical parts."}},"title":"ExportParams","type":"object"};
const schema35 = {"additionalProperties":false,"description":"A rectangle in the picture, in pixels of the picture as displayed; fractions of a pixel are allowed.","properties":{"x":{"title":"X","type":"number","description":"The left edge."},"y":{"title":"Y","type":"number","description":"The top edge."},"w":{"minimum":1,"title":"W","type":"number","description":"The width, at least 1."},"h":{"minimum":1,"title":"H","type":"number","description":"The height, at least 1."}},"required":["x","y","w","h"],"title":"CropBox","type":"object"};
const schema36 = {"additionalProperties":false,"description":"The crop at one moment.","properties":{"x":{"title":"X","type":"number","description":"The left edge."},"y":{"title":"Y","type":"number","description":"The top edge."},"w":{"minimum":1,"title":"W","type":"number","description":"The width, at least 1."},"h":{"minimum":1,"title":"H","type":"number","description":"The height, at least 1."},"t":{"maximum":100000000,"minimum":-100000000,"title":"T","type":"number","description":"The moment, in seconds from the start of the source (not of the part that is exported)."}},"required":["x","y","w","h","t"],"title":"Keyframe","type":"object"};
const schema39 = {"additionalProperties":false,"description":"A size in pixels.","properties":{"w":{"maximum":16384,"minimum":1,"title":"W","type":"integer","description":"The width."},"h":{"maximum":16384,"minimum":1,"title":"H","type":"integer","description":"The height."}},"required":["w","h"],"title":"Size","type":"object"};
const func4 = Object.prototype.hasOwnProperty;
const schema37 = {"additionalProperties":false,"description":"The subject that the crop follows, and the aspect ratio of the crop.","properties":{"track":{"anyOf":[{"maximum":9007199254740991,"minimum":-9007199254740991,"type":"integer"},{"const":"main","type":"string"}],"title":"Track","description":"The id of a track, or `main` for whoever matters most at each moment: people before animals before other things that move, and never furniture if there is anything else; those who move and are near the middle first."},"class_name":{"anyOf":[{"$comment":"it has a character that no name has; leave it out","maxLength":200,"not":{"pattern":"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]","type":"string"},"type":"string"},{"type":"null"}],"default":null,"title":"Class Name","description":"Only a track of this class may be followed; null allows all classes."},"aspect":{"anyOf":[{"$comment":"give width and height, as in 9:16, 1:1 or 2.39:1","not":{"pattern":"^ *0+(\\.0+)?[:/x]|[:/x]0+(\\.0+)? *$","type":"string"},"pattern":"^ *([0-9]{1,5}(?:\\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\\.[0-9]{1,3})?) *$","type":"string"},{"type":"null"}],"default":null,"title":"Aspect","description":"The aspect ratio of the crop, such as 9:16; null uses that of the picture."},"zoom":{"anyOf":[{"minimum":1,"type":"number"},{"type":"null"}],"default":null,"title":"Zoom","description":"1 for the largest crop of that aspect ratio, 2 for half its width and height. null means 1; where a crop of the picture's own aspect ratio could not move otherwise 2, or less, at least 1.25, where heads are large, and 1 in close-ups; and up to twice that where `safe` needs it."},"safe":{"anyOf":[{"$ref":"#/$defs/SafeShares"},{"type":"null"}],"default":null,"description":"Edges of the crop in which no head should be, such as {\"bottom\": 0.2} for captions; null is none."}},"required":["track"],"title":"Follow","type":"object"};
const schema38 = {"additionalProperties":false,"description":"The edges of the crop that captions cover: shares of its height and width, at most 0.4 each.","properties":{"top":{"default":0,"maximum":0.4,"minimum":0,"title":"Top","type":"number","description":"The share of the height that is covered at the top."},"bottom":{"default":0,"maximum":0.4,"minimum":0,"title":"Bottom","type":"number","description":"The share of the height that is covered at the bottom."},"left":{"default":0,"maximum":0.4,"minimum":0,"title":"Left","type":"number","description":"The share of the width that is covered on the left."},"right":{"default":0,"maximum":0.4,"minimum":0,"title":"Right","type":"number","description":"The share of the width that is covered on the right."}},"title":"SafeShares","type":"object"};
const pattern8 = new RegExp("^ *0+(\\.0+)?[:/x]|[:/x]0+(\\.0+)? *$", "u");
const pattern9 = new RegExp("^ *([0-9]{1,5}(?:\\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\\.[0-9]{1,3})?) *$", "u");

function validate24(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate24.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((data.track === undefined) && (missing0 = "track")){
validate24.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'",schema:schema37.required,parentSchema:schema37,data}];
return false;
}
else {
const _errs1 = errors;
for(const key0 in data){
if(!(((((key0 === "track") || (key0 === "class_name")) || (key0 === "aspect")) || (key0 === "zoom")) || (key0 === "safe"))){
validate24.errors = [{instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0},message:"must NOT have additional properties",schema:false,parentSchema:schema37,data}];
return false;
break;
}
}
if(_errs1 === errors){
if(data.track !== undefined){
let data0 = data.track;
const _errs2 = errors;
const _errs3 = errors;
let valid1 = false;
const _errs4 = errors;
if(!(((typeof data0 == "number") && (!(data0 % 1) && !isNaN(data0))) && (isFinite(data0)))){
const err0 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema37.properties.track.anyOf[0].type,parentSchema:schema37.properties.track.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
if(errors === _errs4){
if((typeof data0 == "number") && (isFinite(data0))){
if(data0 > 9007199254740991 || isNaN(data0)){
const err1 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema37.properties.track.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
else {
if(data0 < -9007199254740991 || isNaN(data0)){
const err2 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: -9007199254740991},message:"must be >= -9007199254740991",schema:-9007199254740991,parentSchema:schema37.properties.track.anyOf[0],data:data0};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
}
}
var _valid0 = _errs4 === errors;
valid1 = valid1 || _valid0;
const _errs6 = errors;
if(typeof data0 !== "string"){
const err3 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema37.properties.track.anyOf[1].type,parentSchema:schema37.properties.track.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if("main" !== data0){
const err4 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf/1/const",keyword:"const",params:{allowedValue: "main"},message:"must be equal to constant",schema:"main",parentSchema:schema37.properties.track.anyOf[1],data:data0};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
var _valid0 = _errs6 === errors;
valid1 = valid1 || _valid0;
if(!valid1){
const err5 = {instancePath:instancePath+"/track",schemaPath:"#/properties/track/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.track.anyOf,parentSchema:schema37.properties.track,data:data0};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
validate24.errors = vErrors;
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
if(data.class_name !== undefined){
let data1 = data.class_name;
const _errs8 = errors;
const _errs9 = errors;
let valid2 = false;
const _errs10 = errors;
const _errs13 = errors;
const _errs14 = errors;
if(errors === _errs14){
if(typeof data1 === "string"){
if(!pattern4.test(data1)){
const err6 = {};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
else {
const err7 = {};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
var valid3 = _errs14 === errors;
if(valid3){
const err8 = {instancePath:instancePath+"/class_name",schemaPath:"#/properties/class_name/anyOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema37.properties.class_name.anyOf[0].not,parentSchema:schema37.properties.class_name.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
else {
errors = _errs13;
if(vErrors !== null){
if(_errs13){
vErrors.length = _errs13;
}
else {
vErrors = null;
}
}
}
if(errors === _errs10){
if(typeof data1 === "string"){
if(func1(data1) > 200){
const err9 = {instancePath:instancePath+"/class_name",schemaPath:"#/properties/class_name/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema37.properties.class_name.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
else {
const err10 = {instancePath:instancePath+"/class_name",schemaPath:"#/properties/class_name/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema37.properties.class_name.anyOf[0].type,parentSchema:schema37.properties.class_name.anyOf[0],data:data1};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
var _valid1 = _errs10 === errors;
valid2 = valid2 || _valid1;
const _errs16 = errors;
if(data1 !== null){
const err11 = {instancePath:instancePath+"/class_name",schemaPath:"#/properties/class_name/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.class_name.anyOf[1].type,parentSchema:schema37.properties.class_name.anyOf[1],data:data1};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
var _valid1 = _errs16 === errors;
valid2 = valid2 || _valid1;
if(!valid2){
const err12 = {instancePath:instancePath+"/class_name",schemaPath:"#/properties/class_name/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.class_name.anyOf,parentSchema:schema37.properties.class_name,data:data1};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
validate24.errors = vErrors;
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
if(data.aspect !== undefined){
let data2 = data.aspect;
const _errs18 = errors;
const _errs19 = errors;
let valid4 = false;
const _errs20 = errors;
const _errs23 = errors;
const _errs24 = errors;
if(errors === _errs24){
if(typeof data2 === "string"){
if(!pattern8.test(data2)){
const err13 = {};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
else {
const err14 = {};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
var valid5 = _errs24 === errors;
if(valid5){
const err15 = {instancePath:instancePath+"/aspect",schemaPath:"#/properties/aspect/anyOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema37.properties.aspect.anyOf[0].not,parentSchema:schema37.properties.aspect.anyOf[0],data:data2};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
else {
errors = _errs23;
if(vErrors !== null){
if(_errs23){
vErrors.length = _errs23;
}
else {
vErrors = null;
}
}
}
if(errors === _errs20){
if(typeof data2 === "string"){
if(!pattern9.test(data2)){
const err16 = {instancePath:instancePath+"/aspect",schemaPath:"#/properties/aspect/anyOf/0/pattern",keyword:"pattern",params:{pattern: "^ *([0-9]{1,5}(?:\\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\\.[0-9]{1,3})?) *$"},message:"must match pattern \""+"^ *([0-9]{1,5}(?:\\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\\.[0-9]{1,3})?) *$"+"\"",schema:"^ *([0-9]{1,5}(?:\\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\\.[0-9]{1,3})?) *$",parentSchema:schema37.properties.aspect.anyOf[0],data:data2};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
else {
const err17 = {instancePath:instancePath+"/aspect",schemaPath:"#/properties/aspect/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema37.properties.aspect.anyOf[0].type,parentSchema:schema37.properties.aspect.anyOf[0],data:data2};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
var _valid2 = _errs20 === errors;
valid4 = valid4 || _valid2;
const _errs26 = errors;
if(data2 !== null){
const err18 = {instancePath:instancePath+"/aspect",schemaPath:"#/properties/aspect/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.aspect.anyOf[1].type,parentSchema:schema37.properties.aspect.anyOf[1],data:data2};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
var _valid2 = _errs26 === errors;
valid4 = valid4 || _valid2;
if(!valid4){
const err19 = {instancePath:instancePath+"/aspect",schemaPath:"#/properties/aspect/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.aspect.anyOf,parentSchema:schema37.properties.aspect,data:data2};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
validate24.errors = vErrors;
return false;
}
else {
errors = _errs19;
if(vErrors !== null){
if(_errs19){
vErrors.length = _errs19;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.zoom !== undefined){
let data3 = data.zoom;
const _errs28 = errors;
const _errs29 = errors;
let valid6 = false;
const _errs30 = errors;
if(errors === _errs30){
if((typeof data3 == "number") && (isFinite(data3))){
if(data3 < 1 || isNaN(data3)){
const err20 = {instancePath:instancePath+"/zoom",schemaPath:"#/properties/zoom/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema37.properties.zoom.anyOf[0],data:data3};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
}
else {
const err21 = {instancePath:instancePath+"/zoom",schemaPath:"#/properties/zoom/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema37.properties.zoom.anyOf[0].type,parentSchema:schema37.properties.zoom.anyOf[0],data:data3};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
var _valid3 = _errs30 === errors;
valid6 = valid6 || _valid3;
const _errs32 = errors;
if(data3 !== null){
const err22 = {instancePath:instancePath+"/zoom",schemaPath:"#/properties/zoom/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.zoom.anyOf[1].type,parentSchema:schema37.properties.zoom.anyOf[1],data:data3};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
var _valid3 = _errs32 === errors;
valid6 = valid6 || _valid3;
if(!valid6){
const err23 = {instancePath:instancePath+"/zoom",schemaPath:"#/properties/zoom/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.zoom.anyOf,parentSchema:schema37.properties.zoom,data:data3};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
validate24.errors = vErrors;
return false;
}
else {
errors = _errs29;
if(vErrors !== null){
if(_errs29){
vErrors.length = _errs29;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs28 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.safe !== undefined){
let data4 = data.safe;
const _errs34 = errors;
const _errs35 = errors;
let valid7 = false;
const _errs36 = errors;
const _errs37 = errors;
if(errors === _errs37){
if(data4 && typeof data4 == "object" && !Array.isArray(data4)){
const _errs39 = errors;
for(const key1 in data4){
if(!((((key1 === "top") || (key1 === "bottom")) || (key1 === "left")) || (key1 === "right"))){
const err24 = {instancePath:instancePath+"/safe",schemaPath:"#/$defs/SafeShares/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key1},message:"must NOT have additional properties",schema:false,parentSchema:schema38,data:data4};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
break;
}
}
if(_errs39 === errors){
if(data4.top !== undefined){
let data5 = data4.top;
const _errs40 = errors;
if(errors === _errs40){
if((typeof data5 == "number") && (isFinite(data5))){
if(data5 > 0.4 || isNaN(data5)){
const err25 = {instancePath:instancePath+"/safe/top",schemaPath:"#/$defs/SafeShares/properties/top/maximum",keyword:"maximum",params:{comparison: "<=", limit: 0.4},message:"must be <= 0.4",schema:0.4,parentSchema:schema38.properties.top,data:data5};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
else {
if(data5 < 0 || isNaN(data5)){
const err26 = {instancePath:instancePath+"/safe/top",schemaPath:"#/$defs/SafeShares/properties/top/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema38.properties.top,data:data5};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
}
else {
const err27 = {instancePath:instancePath+"/safe/top",schemaPath:"#/$defs/SafeShares/properties/top/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema38.properties.top.type,parentSchema:schema38.properties.top,data:data5};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
var valid9 = _errs40 === errors;
}
else {
var valid9 = true;
}
if(valid9){
if(data4.bottom !== undefined){
let data6 = data4.bottom;
const _errs42 = errors;
if(errors === _errs42){
if((typeof data6 == "number") && (isFinite(data6))){
if(data6 > 0.4 || isNaN(data6)){
const err28 = {instancePath:instancePath+"/safe/bottom",schemaPath:"#/$defs/SafeShares/properties/bottom/maximum",keyword:"maximum",params:{comparison: "<=", limit: 0.4},message:"must be <= 0.4",schema:0.4,parentSchema:schema38.properties.bottom,data:data6};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
else {
if(data6 < 0 || isNaN(data6)){
const err29 = {instancePath:instancePath+"/safe/bottom",schemaPath:"#/$defs/SafeShares/properties/bottom/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema38.properties.bottom,data:data6};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
}
}
else {
const err30 = {instancePath:instancePath+"/safe/bottom",schemaPath:"#/$defs/SafeShares/properties/bottom/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema38.properties.bottom.type,parentSchema:schema38.properties.bottom,data:data6};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
}
var valid9 = _errs42 === errors;
}
else {
var valid9 = true;
}
if(valid9){
if(data4.left !== undefined){
let data7 = data4.left;
const _errs44 = errors;
if(errors === _errs44){
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 > 0.4 || isNaN(data7)){
const err31 = {instancePath:instancePath+"/safe/left",schemaPath:"#/$defs/SafeShares/properties/left/maximum",keyword:"maximum",params:{comparison: "<=", limit: 0.4},message:"must be <= 0.4",schema:0.4,parentSchema:schema38.properties.left,data:data7};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
else {
if(data7 < 0 || isNaN(data7)){
const err32 = {instancePath:instancePath+"/safe/left",schemaPath:"#/$defs/SafeShares/properties/left/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema38.properties.left,data:data7};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
}
}
else {
const err33 = {instancePath:instancePath+"/safe/left",schemaPath:"#/$defs/SafeShares/properties/left/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema38.properties.left.type,parentSchema:schema38.properties.left,data:data7};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
}
var valid9 = _errs44 === errors;
}
else {
var valid9 = true;
}
if(valid9){
if(data4.right !== undefined){
let data8 = data4.right;
const _errs46 = errors;
if(errors === _errs46){
if((typeof data8 == "number") && (isFinite(data8))){
if(data8 > 0.4 || isNaN(data8)){
const err34 = {instancePath:instancePath+"/safe/right",schemaPath:"#/$defs/SafeShares/properties/right/maximum",keyword:"maximum",params:{comparison: "<=", limit: 0.4},message:"must be <= 0.4",schema:0.4,parentSchema:schema38.properties.right,data:data8};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
else {
if(data8 < 0 || isNaN(data8)){
const err35 = {instancePath:instancePath+"/safe/right",schemaPath:"#/$defs/SafeShares/properties/right/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema38.properties.right,data:data8};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
}
}
else {
const err36 = {instancePath:instancePath+"/safe/right",schemaPath:"#/$defs/SafeShares/properties/right/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema38.properties.right.type,parentSchema:schema38.properties.right,data:data8};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
var valid9 = _errs46 === errors;
}
else {
var valid9 = true;
}
}
}
}
}
}
else {
const err37 = {instancePath:instancePath+"/safe",schemaPath:"#/$defs/SafeShares/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema38.type,parentSchema:schema38,data:data4};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
}
var _valid4 = _errs36 === errors;
valid7 = valid7 || _valid4;
const _errs48 = errors;
if(data4 !== null){
const err38 = {instancePath:instancePath+"/safe",schemaPath:"#/properties/safe/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema37.properties.safe.anyOf[1].type,parentSchema:schema37.properties.safe.anyOf[1],data:data4};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
var _valid4 = _errs48 === errors;
valid7 = valid7 || _valid4;
if(!valid7){
const err39 = {instancePath:instancePath+"/safe",schemaPath:"#/properties/safe/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema37.properties.safe.anyOf,parentSchema:schema37.properties.safe,data:data4};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
validate24.errors = vErrors;
return false;
}
else {
errors = _errs35;
if(vErrors !== null){
if(_errs35){
vErrors.length = _errs35;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs34 === errors;
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
else {
validate24.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema37.type,parentSchema:schema37,data}];
return false;
}
}
validate24.errors = vErrors;
return errors === 0;
}
validate24.evaluated = {"props":true,"dynamicProps":false,"dynamicItems":false};

const pattern10 = new RegExp("^([Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\\[\\]-~]*)?|s3://[a-z0-9.-]{3,63}/[^\\x00-\\x1f\\x7f]+)$", "u");
const pattern12 = new RegExp("^([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])x([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])$", "u");

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
const _errs1 = errors;
const _errs3 = errors;
const _errs4 = errors;
const _errs5 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((data.crop === undefined) && (missing0 = "crop")){
const err0 = {};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
else {
if(data.crop !== undefined){
const _errs7 = errors;
const _errs8 = errors;
if(data.crop !== null){
const err1 = {};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
var valid4 = _errs8 === errors;
if(valid4){
const err2 = {};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
else {
errors = _errs7;
if(vErrors !== null){
if(_errs7){
vErrors.length = _errs7;
}
else {
vErrors = null;
}
}
}
}
}
}
var valid2 = _errs5 === errors;
if(valid2){
const _errs10 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
let missing1;
if((data.follow === undefined) && (missing1 = "follow")){
const err3 = {};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
else {
if(data.follow !== undefined){
const _errs12 = errors;
const _errs13 = errors;
if(data.follow !== null){
const err4 = {};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
var valid6 = _errs13 === errors;
if(valid6){
const err5 = {};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
else {
errors = _errs12;
if(vErrors !== null){
if(_errs12){
vErrors.length = _errs12;
}
else {
vErrors = null;
}
}
}
}
}
}
var valid2 = _errs10 === errors;
}
var valid1 = _errs4 === errors;
if(valid1){
validate23.errors = [{instancePath,schemaPath:"#/allOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema34.allOf[0].not,parentSchema:schema34.allOf[0],data}];
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
var valid0 = _errs1 === errors;
if(valid0){
const _errs15 = errors;
const _errs17 = errors;
const _errs18 = errors;
const _errs19 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
let missing2;
if((data.follow === undefined) && (missing2 = "follow")){
const err6 = {};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
else {
if(data.follow !== undefined){
const _errs21 = errors;
const _errs22 = errors;
if(data.follow !== null){
const err7 = {};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
var valid10 = _errs22 === errors;
if(valid10){
const err8 = {};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
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
}
}
}
var valid8 = _errs19 === errors;
if(valid8){
const _errs24 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.tracks !== undefined){
if(data.tracks !== null){
const err9 = {};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
}
var valid8 = _errs24 === errors;
}
var valid7 = _errs18 === errors;
if(valid7){
validate23.errors = [{instancePath,schemaPath:"#/allOf/1/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema34.allOf[1].not,parentSchema:schema34.allOf[1],data}];
return false;
}
else {
errors = _errs17;
if(vErrors !== null){
if(_errs17){
vErrors.length = _errs17;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs15 === errors;
if(valid0){
const _errs27 = errors;
const _errs29 = errors;
const _errs30 = errors;
const _errs31 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
let missing3;
if((data.tracks === undefined) && (missing3 = "tracks")){
const err10 = {};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
else {
if(data.tracks !== undefined){
const _errs33 = errors;
const _errs34 = errors;
if(data.tracks !== null){
const err11 = {};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
var valid15 = _errs34 === errors;
if(valid15){
const err12 = {};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
else {
errors = _errs33;
if(vErrors !== null){
if(_errs33){
vErrors.length = _errs33;
}
else {
vErrors = null;
}
}
}
}
}
}
var valid13 = _errs31 === errors;
if(valid13){
const _errs36 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.follow !== undefined){
if(data.follow !== null){
const err13 = {};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
}
var valid13 = _errs36 === errors;
}
var valid12 = _errs30 === errors;
if(valid12){
validate23.errors = [{instancePath,schemaPath:"#/allOf/2/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema34.allOf[2].not,parentSchema:schema34.allOf[2],data}];
return false;
}
else {
errors = _errs29;
if(vErrors !== null){
if(_errs29){
vErrors.length = _errs29;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs27 === errors;
if(valid0){
const _errs39 = errors;
const _errs41 = errors;
const _errs42 = errors;
const _errs43 = errors;
let valid18 = false;
const _errs44 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
let missing4;
if((data.upscale === undefined) && (missing4 = "upscale")){
const err14 = {};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
else {
if(data.upscale !== undefined){
if(false !== data.upscale){
const err15 = {};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
}
}
var _valid0 = _errs44 === errors;
valid18 = valid18 || _valid0;
if(_valid0){
var props0 = {};
props0.upscale = true;
}
const _errs46 = errors;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.upscale !== undefined){
const _errs47 = errors;
if(data.upscale !== null){
const err16 = {};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
var valid20 = _errs47 === errors;
}
else {
var valid20 = true;
}
if(valid20){
if(data.upscale_model !== undefined){
const _errs49 = errors;
if(data.upscale_model !== null){
const err17 = {};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
var valid20 = _errs49 === errors;
}
else {
var valid20 = true;
}
}
}
var _valid0 = _errs46 === errors;
valid18 = valid18 || _valid0;
if(_valid0){
if(props0 !== true){
props0 = props0 || {};
props0.upscale = true;
props0.upscale_model = true;
}
}
if(!valid18){
const err18 = {};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
else {
errors = _errs43;
if(vErrors !== null){
if(_errs43){
vErrors.length = _errs43;
}
else {
vErrors = null;
}
}
}
if(errors === _errs42){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing5;
if((data.reuse_tolerance === undefined) && (missing5 = "reuse_tolerance")){
const err19 = {};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
else {
if(props0 !== true){
props0 = props0 || {};
props0.reuse_tolerance = true;
}
if(data.reuse_tolerance !== undefined){
let data9 = data.reuse_tolerance;
if((typeof data9 == "number") && (isFinite(data9))){
if(data9 <= 0 || isNaN(data9)){
const err20 = {};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
}
}
}
}
}
var valid17 = _errs42 === errors;
if(valid17){
validate23.errors = [{instancePath,schemaPath:"#/allOf/3/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema34.allOf[3].not,parentSchema:schema34.allOf[3],data}];
return false;
}
else {
errors = _errs41;
if(vErrors !== null){
if(_errs41){
vErrors.length = _errs41;
}
else {
vErrors = null;
}
}
}
var valid0 = _errs39 === errors;
}
}
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
const _errs52 = errors;
for(const key0 in data){
if(!(func4.call(schema34.properties, key0))){
validate23.errors = [{instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0},message:"must NOT have additional properties",schema:false,parentSchema:schema34,data}];
return false;
break;
}
}
if(_errs52 === errors){
if(data.crop !== undefined){
let data10 = data.crop;
const _errs53 = errors;
const _errs54 = errors;
let valid23 = false;
const _errs55 = errors;
const _errs56 = errors;
let valid24 = false;
let passing0 = null;
const _errs57 = errors;
const _errs58 = errors;
if(errors === _errs58){
if(data10 && typeof data10 == "object" && !Array.isArray(data10)){
let missing6;
if(((((data10.x === undefined) && (missing6 = "x")) || ((data10.y === undefined) && (missing6 = "y"))) || ((data10.w === undefined) && (missing6 = "w"))) || ((data10.h === undefined) && (missing6 = "h"))){
const err21 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/required",keyword:"required",params:{missingProperty: missing6},message:"must have required property '"+missing6+"'",schema:schema35.required,parentSchema:schema35,data:data10};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
else {
const _errs60 = errors;
for(const key1 in data10){
if(!((((key1 === "x") || (key1 === "y")) || (key1 === "w")) || (key1 === "h"))){
const err22 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key1},message:"must NOT have additional properties",schema:false,parentSchema:schema35,data:data10};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
break;
}
}
if(_errs60 === errors){
if(data10.x !== undefined){
let data11 = data10.x;
const _errs61 = errors;
if(!((typeof data11 == "number") && (isFinite(data11)))){
const err23 = {instancePath:instancePath+"/crop/x",schemaPath:"#/$defs/CropBox/properties/x/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.x.type,parentSchema:schema35.properties.x,data:data11};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
var valid26 = _errs61 === errors;
}
else {
var valid26 = true;
}
if(valid26){
if(data10.y !== undefined){
let data12 = data10.y;
const _errs63 = errors;
if(!((typeof data12 == "number") && (isFinite(data12)))){
const err24 = {instancePath:instancePath+"/crop/y",schemaPath:"#/$defs/CropBox/properties/y/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.y.type,parentSchema:schema35.properties.y,data:data12};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
var valid26 = _errs63 === errors;
}
else {
var valid26 = true;
}
if(valid26){
if(data10.w !== undefined){
let data13 = data10.w;
const _errs65 = errors;
if(errors === _errs65){
if((typeof data13 == "number") && (isFinite(data13))){
if(data13 < 1 || isNaN(data13)){
const err25 = {instancePath:instancePath+"/crop/w",schemaPath:"#/$defs/CropBox/properties/w/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema35.properties.w,data:data13};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
else {
const err26 = {instancePath:instancePath+"/crop/w",schemaPath:"#/$defs/CropBox/properties/w/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.w.type,parentSchema:schema35.properties.w,data:data13};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
var valid26 = _errs65 === errors;
}
else {
var valid26 = true;
}
if(valid26){
if(data10.h !== undefined){
let data14 = data10.h;
const _errs67 = errors;
if(errors === _errs67){
if((typeof data14 == "number") && (isFinite(data14))){
if(data14 < 1 || isNaN(data14)){
const err27 = {instancePath:instancePath+"/crop/h",schemaPath:"#/$defs/CropBox/properties/h/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema35.properties.h,data:data14};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
else {
const err28 = {instancePath:instancePath+"/crop/h",schemaPath:"#/$defs/CropBox/properties/h/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema35.properties.h.type,parentSchema:schema35.properties.h,data:data14};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
}
var valid26 = _errs67 === errors;
}
else {
var valid26 = true;
}
}
}
}
}
}
}
else {
const err29 = {instancePath:instancePath+"/crop",schemaPath:"#/$defs/CropBox/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema35.type,parentSchema:schema35,data:data10};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
}
var _valid2 = _errs57 === errors;
if(_valid2){
valid24 = true;
passing0 = 0;
}
const _errs69 = errors;
if(errors === _errs69){
if(Array.isArray(data10)){
if(data10.length > 100000){
const err30 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf/1/maxItems",keyword:"maxItems",params:{limit: 100000},message:"must NOT have more than 100000 items",schema:100000,parentSchema:schema34.properties.crop.anyOf[0].oneOf[1],data:data10};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
else {
if(data10.length < 2){
const err31 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf/1/minItems",keyword:"minItems",params:{limit: 2},message:"must NOT have fewer than 2 items",schema:2,parentSchema:schema34.properties.crop.anyOf[0].oneOf[1],data:data10};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
else {
var valid27 = true;
const len0 = data10.length;
for(let i0=0; i0<len0; i0++){
let data15 = data10[i0];
const _errs71 = errors;
const _errs72 = errors;
if(errors === _errs72){
if(data15 && typeof data15 == "object" && !Array.isArray(data15)){
let missing7;
if((((((data15.x === undefined) && (missing7 = "x")) || ((data15.y === undefined) && (missing7 = "y"))) || ((data15.w === undefined) && (missing7 = "w"))) || ((data15.h === undefined) && (missing7 = "h"))) || ((data15.t === undefined) && (missing7 = "t"))){
const err32 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/required",keyword:"required",params:{missingProperty: missing7},message:"must have required property '"+missing7+"'",schema:schema36.required,parentSchema:schema36,data:data15};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
else {
const _errs74 = errors;
for(const key2 in data15){
if(!(((((key2 === "x") || (key2 === "y")) || (key2 === "w")) || (key2 === "h")) || (key2 === "t"))){
const err33 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key2},message:"must NOT have additional properties",schema:false,parentSchema:schema36,data:data15};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
break;
}
}
if(_errs74 === errors){
if(data15.x !== undefined){
let data16 = data15.x;
const _errs75 = errors;
if(!((typeof data16 == "number") && (isFinite(data16)))){
const err34 = {instancePath:instancePath+"/crop/" + i0+"/x",schemaPath:"#/$defs/Keyframe/properties/x/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.x.type,parentSchema:schema36.properties.x,data:data16};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
var valid29 = _errs75 === errors;
}
else {
var valid29 = true;
}
if(valid29){
if(data15.y !== undefined){
let data17 = data15.y;
const _errs77 = errors;
if(!((typeof data17 == "number") && (isFinite(data17)))){
const err35 = {instancePath:instancePath+"/crop/" + i0+"/y",schemaPath:"#/$defs/Keyframe/properties/y/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.y.type,parentSchema:schema36.properties.y,data:data17};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
var valid29 = _errs77 === errors;
}
else {
var valid29 = true;
}
if(valid29){
if(data15.w !== undefined){
let data18 = data15.w;
const _errs79 = errors;
if(errors === _errs79){
if((typeof data18 == "number") && (isFinite(data18))){
if(data18 < 1 || isNaN(data18)){
const err36 = {instancePath:instancePath+"/crop/" + i0+"/w",schemaPath:"#/$defs/Keyframe/properties/w/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema36.properties.w,data:data18};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
else {
const err37 = {instancePath:instancePath+"/crop/" + i0+"/w",schemaPath:"#/$defs/Keyframe/properties/w/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.w.type,parentSchema:schema36.properties.w,data:data18};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
}
var valid29 = _errs79 === errors;
}
else {
var valid29 = true;
}
if(valid29){
if(data15.h !== undefined){
let data19 = data15.h;
const _errs81 = errors;
if(errors === _errs81){
if((typeof data19 == "number") && (isFinite(data19))){
if(data19 < 1 || isNaN(data19)){
const err38 = {instancePath:instancePath+"/crop/" + i0+"/h",schemaPath:"#/$defs/Keyframe/properties/h/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema36.properties.h,data:data19};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
}
else {
const err39 = {instancePath:instancePath+"/crop/" + i0+"/h",schemaPath:"#/$defs/Keyframe/properties/h/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.h.type,parentSchema:schema36.properties.h,data:data19};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
}
var valid29 = _errs81 === errors;
}
else {
var valid29 = true;
}
if(valid29){
if(data15.t !== undefined){
let data20 = data15.t;
const _errs83 = errors;
if(errors === _errs83){
if((typeof data20 == "number") && (isFinite(data20))){
if(data20 > 100000000 || isNaN(data20)){
const err40 = {instancePath:instancePath+"/crop/" + i0+"/t",schemaPath:"#/$defs/Keyframe/properties/t/maximum",keyword:"maximum",params:{comparison: "<=", limit: 100000000},message:"must be <= 100000000",schema:100000000,parentSchema:schema36.properties.t,data:data20};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
}
else {
if(data20 < -100000000 || isNaN(data20)){
const err41 = {instancePath:instancePath+"/crop/" + i0+"/t",schemaPath:"#/$defs/Keyframe/properties/t/minimum",keyword:"minimum",params:{comparison: ">=", limit: -100000000},message:"must be >= -100000000",schema:-100000000,parentSchema:schema36.properties.t,data:data20};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
}
}
else {
const err42 = {instancePath:instancePath+"/crop/" + i0+"/t",schemaPath:"#/$defs/Keyframe/properties/t/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema36.properties.t.type,parentSchema:schema36.properties.t,data:data20};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
}
var valid29 = _errs83 === errors;
}
else {
var valid29 = true;
}
}
}
}
}
}
}
}
else {
const err43 = {instancePath:instancePath+"/crop/" + i0,schemaPath:"#/$defs/Keyframe/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema36.type,parentSchema:schema36,data:data15};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
}
var valid27 = _errs71 === errors;
if(!valid27){
break;
}
}
}
}
}
else {
const err44 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf/1/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.crop.anyOf[0].oneOf[1].type,parentSchema:schema34.properties.crop.anyOf[0].oneOf[1],data:data10};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
}
}
var _valid2 = _errs69 === errors;
if(_valid2 && valid24){
valid24 = false;
passing0 = [passing0, 1];
}
else {
if(_valid2){
valid24 = true;
passing0 = 1;
}
}
if(!valid24){
const err45 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/0/oneOf",keyword:"oneOf",params:{passingSchemas: passing0},message:"must match exactly one schema in oneOf",schema:schema34.properties.crop.anyOf[0].oneOf,parentSchema:schema34.properties.crop.anyOf[0],data:data10};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
}
else {
errors = _errs56;
if(vErrors !== null){
if(_errs56){
vErrors.length = _errs56;
}
else {
vErrors = null;
}
}
}
var _valid1 = _errs55 === errors;
valid23 = valid23 || _valid1;
const _errs85 = errors;
if(data10 !== null){
const err46 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.crop.anyOf[1].type,parentSchema:schema34.properties.crop.anyOf[1],data:data10};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
}
var _valid1 = _errs85 === errors;
valid23 = valid23 || _valid1;
if(!valid23){
const err47 = {instancePath:instancePath+"/crop",schemaPath:"#/properties/crop/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.crop.anyOf,parentSchema:schema34.properties.crop,data:data10};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs54;
if(vErrors !== null){
if(_errs54){
vErrors.length = _errs54;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs53 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.clamp !== undefined){
let data21 = data.clamp;
const _errs87 = errors;
if(typeof data21 !== "boolean"){
validate23.errors = [{instancePath:instancePath+"/clamp",schemaPath:"#/properties/clamp/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.clamp.type,parentSchema:schema34.properties.clamp,data:data21}];
return false;
}
var valid22 = _errs87 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.follow !== undefined){
let data22 = data.follow;
const _errs89 = errors;
const _errs90 = errors;
let valid30 = false;
const _errs91 = errors;
if(!(validate24(data22, {instancePath:instancePath+"/follow",parentData:data,parentDataProperty:"follow",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate24.errors : vErrors.concat(validate24.errors);
errors = vErrors.length;
}
var _valid3 = _errs91 === errors;
valid30 = valid30 || _valid3;
const _errs92 = errors;
if(data22 !== null){
const err48 = {instancePath:instancePath+"/follow",schemaPath:"#/properties/follow/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.follow.anyOf[1].type,parentSchema:schema34.properties.follow.anyOf[1],data:data22};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
var _valid3 = _errs92 === errors;
valid30 = valid30 || _valid3;
if(!valid30){
const err49 = {instancePath:instancePath+"/follow",schemaPath:"#/properties/follow/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.follow.anyOf,parentSchema:schema34.properties.follow,data:data22};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs90;
if(vErrors !== null){
if(_errs90){
vErrors.length = _errs90;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs89 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.tracks !== undefined){
let data23 = data.tracks;
const _errs94 = errors;
const _errs95 = errors;
let valid31 = false;
const _errs96 = errors;
if(errors === _errs96){
if(data23 && typeof data23 == "object" && !Array.isArray(data23)){
let missing8;
if((data23.tracks === undefined) && (missing8 = "tracks")){
const err50 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/0/required",keyword:"required",params:{missingProperty: missing8},message:"must have required property '"+missing8+"'",schema:schema34.properties.tracks.anyOf[0].required,parentSchema:schema34.properties.tracks.anyOf[0],data:data23};
if(vErrors === null){
vErrors = [err50];
}
else {
vErrors.push(err50);
}
errors++;
}
else {
if(data23.tracks !== undefined){
let data24 = data23.tracks;
const _errs99 = errors;
if(errors === _errs99){
if(Array.isArray(data24)){
if(data24.length > 100000){
const err51 = {instancePath:instancePath+"/tracks/tracks",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/maxItems",keyword:"maxItems",params:{limit: 100000},message:"must NOT have more than 100000 items",schema:100000,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks,data:data24};
if(vErrors === null){
vErrors = [err51];
}
else {
vErrors.push(err51);
}
errors++;
}
else {
var valid33 = true;
const len1 = data24.length;
for(let i1=0; i1<len1; i1++){
let data25 = data24[i1];
const _errs101 = errors;
if(errors === _errs101){
if(data25 && typeof data25 == "object" && !Array.isArray(data25)){
let missing9;
if(((data25.id === undefined) && (missing9 = "id")) || ((data25.frames === undefined) && (missing9 = "frames"))){
const err52 = {instancePath:instancePath+"/tracks/tracks/" + i1,schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/required",keyword:"required",params:{missingProperty: missing9},message:"must have required property '"+missing9+"'",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.required,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items,data:data25};
if(vErrors === null){
vErrors = [err52];
}
else {
vErrors.push(err52);
}
errors++;
}
else {
if(data25.id !== undefined){
let data26 = data25.id;
const _errs103 = errors;
if(!(((typeof data26 == "number") && (!(data26 % 1) && !isNaN(data26))) && (isFinite(data26)))){
const err53 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/id",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/id/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.id.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.id,data:data26};
if(vErrors === null){
vErrors = [err53];
}
else {
vErrors.push(err53);
}
errors++;
}
if(errors === _errs103){
if((typeof data26 == "number") && (isFinite(data26))){
if(data26 > 9007199254740991 || isNaN(data26)){
const err54 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/id",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/id/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.id,data:data26};
if(vErrors === null){
vErrors = [err54];
}
else {
vErrors.push(err54);
}
errors++;
}
else {
if(data26 < -9007199254740991 || isNaN(data26)){
const err55 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/id",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/id/minimum",keyword:"minimum",params:{comparison: ">=", limit: -9007199254740991},message:"must be >= -9007199254740991",schema:-9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.id,data:data26};
if(vErrors === null){
vErrors = [err55];
}
else {
vErrors.push(err55);
}
errors++;
}
}
}
}
var valid34 = _errs103 === errors;
}
else {
var valid34 = true;
}
if(valid34){
if(data25.frames !== undefined){
let data27 = data25.frames;
const _errs105 = errors;
if(errors === _errs105){
if(Array.isArray(data27)){
if(data27.length < 1){
const err56 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/minItems",keyword:"minItems",params:{limit: 1},message:"must NOT have fewer than 1 items",schema:1,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames,data:data27};
if(vErrors === null){
vErrors = [err56];
}
else {
vErrors.push(err56);
}
errors++;
}
else {
var valid35 = true;
const len2 = data27.length;
for(let i2=0; i2<len2; i2++){
let data28 = data27[i2];
const _errs107 = errors;
if(errors === _errs107){
if(data28 && typeof data28 == "object" && !Array.isArray(data28)){
let missing10;
if(((data28.frame === undefined) && (missing10 = "frame")) || ((data28.bbox === undefined) && (missing10 = "bbox"))){
const err57 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2,schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/required",keyword:"required",params:{missingProperty: missing10},message:"must have required property '"+missing10+"'",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.required,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items,data:data28};
if(vErrors === null){
vErrors = [err57];
}
else {
vErrors.push(err57);
}
errors++;
}
else {
if(data28.frame !== undefined){
let data29 = data28.frame;
const _errs109 = errors;
if(!(((typeof data29 == "number") && (!(data29 % 1) && !isNaN(data29))) && (isFinite(data29)))){
const err58 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/frame",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/frame/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.frame.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.frame,data:data29};
if(vErrors === null){
vErrors = [err58];
}
else {
vErrors.push(err58);
}
errors++;
}
if(errors === _errs109){
if((typeof data29 == "number") && (isFinite(data29))){
if(data29 > 9007199254740991 || isNaN(data29)){
const err59 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/frame",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/frame/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.frame,data:data29};
if(vErrors === null){
vErrors = [err59];
}
else {
vErrors.push(err59);
}
errors++;
}
else {
if(data29 < 0 || isNaN(data29)){
const err60 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/frame",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/frame/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.frame,data:data29};
if(vErrors === null){
vErrors = [err60];
}
else {
vErrors.push(err60);
}
errors++;
}
}
}
}
var valid36 = _errs109 === errors;
}
else {
var valid36 = true;
}
if(valid36){
if(data28.bbox !== undefined){
let data30 = data28.bbox;
const _errs111 = errors;
if(errors === _errs111){
if(Array.isArray(data30)){
if(data30.length < 4){
const err61 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/minItems",keyword:"minItems",params:{limit: 4},message:"must NOT have fewer than 4 items",schema:4,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox,data:data30};
if(vErrors === null){
vErrors = [err61];
}
else {
vErrors.push(err61);
}
errors++;
}
else {
const len3 = data30.length;
if(len3 > 0){
let data31 = data30[0];
const _errs113 = errors;
if(!((typeof data31 == "number") && (isFinite(data31)))){
const err62 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/0",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[0].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[0],data:data31};
if(vErrors === null){
vErrors = [err62];
}
else {
vErrors.push(err62);
}
errors++;
}
var valid37 = _errs113 === errors;
}
if(valid37){
if(len3 > 1){
let data32 = data30[1];
const _errs115 = errors;
if(!((typeof data32 == "number") && (isFinite(data32)))){
const err63 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/1",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/1/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[1].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[1],data:data32};
if(vErrors === null){
vErrors = [err63];
}
else {
vErrors.push(err63);
}
errors++;
}
var valid37 = _errs115 === errors;
}
if(valid37){
if(len3 > 2){
let data33 = data30[2];
const _errs117 = errors;
if(errors === _errs117){
if((typeof data33 == "number") && (isFinite(data33))){
if(data33 <= 0 || isNaN(data33)){
const err64 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/2",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/2/exclusiveMinimum",keyword:"exclusiveMinimum",params:{comparison: ">", limit: 0},message:"must be > 0",schema:0,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[2],data:data33};
if(vErrors === null){
vErrors = [err64];
}
else {
vErrors.push(err64);
}
errors++;
}
}
else {
const err65 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/2",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/2/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[2].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[2],data:data33};
if(vErrors === null){
vErrors = [err65];
}
else {
vErrors.push(err65);
}
errors++;
}
}
var valid37 = _errs117 === errors;
}
if(valid37){
if(len3 > 3){
let data34 = data30[3];
const _errs119 = errors;
if(errors === _errs119){
if((typeof data34 == "number") && (isFinite(data34))){
if(data34 <= 0 || isNaN(data34)){
const err66 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/3",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/3/exclusiveMinimum",keyword:"exclusiveMinimum",params:{comparison: ">", limit: 0},message:"must be > 0",schema:0,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[3],data:data34};
if(vErrors === null){
vErrors = [err66];
}
else {
vErrors.push(err66);
}
errors++;
}
}
else {
const err67 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox/3",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/prefixItems/3/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[3].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.prefixItems[3],data:data34};
if(vErrors === null){
vErrors = [err67];
}
else {
vErrors.push(err67);
}
errors++;
}
}
var valid37 = _errs119 === errors;
}
if(valid37){
const len4 = data30.length;
if(!(len4 <= 4)){
const err68 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/items",keyword:"items",params:{limit: 4},message:"must NOT have more than 4 items",schema:false,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox,data:data30};
if(vErrors === null){
vErrors = [err68];
}
else {
vErrors.push(err68);
}
errors++;
}
}
}
}
}
}
}
else {
const err69 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2+"/bbox",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/properties/bbox/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.properties.bbox,data:data30};
if(vErrors === null){
vErrors = [err69];
}
else {
vErrors.push(err69);
}
errors++;
}
}
var valid36 = _errs111 === errors;
}
else {
var valid36 = true;
}
}
}
}
else {
const err70 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames/" + i2,schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/items/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.items,data:data28};
if(vErrors === null){
vErrors = [err70];
}
else {
vErrors.push(err70);
}
errors++;
}
}
var valid35 = _errs107 === errors;
if(!valid35){
break;
}
}
}
}
else {
const err71 = {instancePath:instancePath+"/tracks/tracks/" + i1+"/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/properties/frames/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items.properties.frames,data:data27};
if(vErrors === null){
vErrors = [err71];
}
else {
vErrors.push(err71);
}
errors++;
}
}
var valid34 = _errs105 === errors;
}
else {
var valid34 = true;
}
}
}
}
else {
const err72 = {instancePath:instancePath+"/tracks/tracks/" + i1,schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/items/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.properties.tracks.anyOf[0].properties.tracks.items.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks.items,data:data25};
if(vErrors === null){
vErrors = [err72];
}
else {
vErrors.push(err72);
}
errors++;
}
}
var valid33 = _errs101 === errors;
if(!valid33){
break;
}
}
}
}
else {
const err73 = {instancePath:instancePath+"/tracks/tracks",schemaPath:"#/properties/tracks/anyOf/0/properties/tracks/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.tracks.anyOf[0].properties.tracks.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.tracks,data:data24};
if(vErrors === null){
vErrors = [err73];
}
else {
vErrors.push(err73);
}
errors++;
}
}
var valid32 = _errs99 === errors;
}
else {
var valid32 = true;
}
if(valid32){
if(data23.video !== undefined){
let data35 = data23.video;
const _errs121 = errors;
if(errors === _errs121){
if(data35 && typeof data35 == "object" && !Array.isArray(data35)){
if(data35.width !== undefined){
let data36 = data35.width;
const _errs123 = errors;
const _errs124 = errors;
let valid39 = false;
const _errs125 = errors;
if(!(((typeof data36 == "number") && (!(data36 % 1) && !isNaN(data36))) && (isFinite(data36)))){
const err74 = {instancePath:instancePath+"/tracks/video/width",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/width/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[0].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[0],data:data36};
if(vErrors === null){
vErrors = [err74];
}
else {
vErrors.push(err74);
}
errors++;
}
if(errors === _errs125){
if((typeof data36 == "number") && (isFinite(data36))){
if(data36 > 9007199254740991 || isNaN(data36)){
const err75 = {instancePath:instancePath+"/tracks/video/width",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/width/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[0],data:data36};
if(vErrors === null){
vErrors = [err75];
}
else {
vErrors.push(err75);
}
errors++;
}
else {
if(data36 < 1 || isNaN(data36)){
const err76 = {instancePath:instancePath+"/tracks/video/width",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/width/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[0],data:data36};
if(vErrors === null){
vErrors = [err76];
}
else {
vErrors.push(err76);
}
errors++;
}
}
}
}
var _valid5 = _errs125 === errors;
valid39 = valid39 || _valid5;
const _errs127 = errors;
if(data36 !== null){
const err77 = {instancePath:instancePath+"/tracks/video/width",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/width/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[1].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf[1],data:data36};
if(vErrors === null){
vErrors = [err77];
}
else {
vErrors.push(err77);
}
errors++;
}
var _valid5 = _errs127 === errors;
valid39 = valid39 || _valid5;
if(!valid39){
const err78 = {instancePath:instancePath+"/tracks/video/width",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/width/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.width.anyOf,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.width,data:data36};
if(vErrors === null){
vErrors = [err78];
}
else {
vErrors.push(err78);
}
errors++;
}
else {
errors = _errs124;
if(vErrors !== null){
if(_errs124){
vErrors.length = _errs124;
}
else {
vErrors = null;
}
}
}
var valid38 = _errs123 === errors;
}
else {
var valid38 = true;
}
if(valid38){
if(data35.height !== undefined){
let data37 = data35.height;
const _errs129 = errors;
const _errs130 = errors;
let valid40 = false;
const _errs131 = errors;
if(!(((typeof data37 == "number") && (!(data37 % 1) && !isNaN(data37))) && (isFinite(data37)))){
const err79 = {instancePath:instancePath+"/tracks/video/height",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/height/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[0].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[0],data:data37};
if(vErrors === null){
vErrors = [err79];
}
else {
vErrors.push(err79);
}
errors++;
}
if(errors === _errs131){
if((typeof data37 == "number") && (isFinite(data37))){
if(data37 > 9007199254740991 || isNaN(data37)){
const err80 = {instancePath:instancePath+"/tracks/video/height",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/height/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[0],data:data37};
if(vErrors === null){
vErrors = [err80];
}
else {
vErrors.push(err80);
}
errors++;
}
else {
if(data37 < 1 || isNaN(data37)){
const err81 = {instancePath:instancePath+"/tracks/video/height",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/height/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[0],data:data37};
if(vErrors === null){
vErrors = [err81];
}
else {
vErrors.push(err81);
}
errors++;
}
}
}
}
var _valid6 = _errs131 === errors;
valid40 = valid40 || _valid6;
const _errs133 = errors;
if(data37 !== null){
const err82 = {instancePath:instancePath+"/tracks/video/height",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/height/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[1].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf[1],data:data37};
if(vErrors === null){
vErrors = [err82];
}
else {
vErrors.push(err82);
}
errors++;
}
var _valid6 = _errs133 === errors;
valid40 = valid40 || _valid6;
if(!valid40){
const err83 = {instancePath:instancePath+"/tracks/video/height",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/height/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.height.anyOf,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.height,data:data37};
if(vErrors === null){
vErrors = [err83];
}
else {
vErrors.push(err83);
}
errors++;
}
else {
errors = _errs130;
if(vErrors !== null){
if(_errs130){
vErrors.length = _errs130;
}
else {
vErrors = null;
}
}
}
var valid38 = _errs129 === errors;
}
else {
var valid38 = true;
}
if(valid38){
if(data35.frames !== undefined){
let data38 = data35.frames;
const _errs135 = errors;
const _errs136 = errors;
let valid41 = false;
const _errs137 = errors;
if(!(((typeof data38 == "number") && (!(data38 % 1) && !isNaN(data38))) && (isFinite(data38)))){
const err84 = {instancePath:instancePath+"/tracks/video/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/frames/anyOf/0/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[0].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[0],data:data38};
if(vErrors === null){
vErrors = [err84];
}
else {
vErrors.push(err84);
}
errors++;
}
if(errors === _errs137){
if((typeof data38 == "number") && (isFinite(data38))){
if(data38 > 9007199254740991 || isNaN(data38)){
const err85 = {instancePath:instancePath+"/tracks/video/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/frames/anyOf/0/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[0],data:data38};
if(vErrors === null){
vErrors = [err85];
}
else {
vErrors.push(err85);
}
errors++;
}
else {
if(data38 < 1 || isNaN(data38)){
const err86 = {instancePath:instancePath+"/tracks/video/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/frames/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[0],data:data38};
if(vErrors === null){
vErrors = [err86];
}
else {
vErrors.push(err86);
}
errors++;
}
}
}
}
var _valid7 = _errs137 === errors;
valid41 = valid41 || _valid7;
const _errs139 = errors;
if(data38 !== null){
const err87 = {instancePath:instancePath+"/tracks/video/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/frames/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[1].type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf[1],data:data38};
if(vErrors === null){
vErrors = [err87];
}
else {
vErrors.push(err87);
}
errors++;
}
var _valid7 = _errs139 === errors;
valid41 = valid41 || _valid7;
if(!valid41){
const err88 = {instancePath:instancePath+"/tracks/video/frames",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/frames/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames.anyOf,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.frames,data:data38};
if(vErrors === null){
vErrors = [err88];
}
else {
vErrors.push(err88);
}
errors++;
}
else {
errors = _errs136;
if(vErrors !== null){
if(_errs136){
vErrors.length = _errs136;
}
else {
vErrors = null;
}
}
}
var valid38 = _errs135 === errors;
}
else {
var valid38 = true;
}
if(valid38){
if(data35.cuts !== undefined){
let data39 = data35.cuts;
const _errs141 = errors;
if(errors === _errs141){
if(Array.isArray(data39)){
var valid42 = true;
const len5 = data39.length;
for(let i3=0; i3<len5; i3++){
let data40 = data39[i3];
const _errs143 = errors;
if(!(((typeof data40 == "number") && (!(data40 % 1) && !isNaN(data40))) && (isFinite(data40)))){
const err89 = {instancePath:instancePath+"/tracks/video/cuts/" + i3,schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/cuts/items/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts.items.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts.items,data:data40};
if(vErrors === null){
vErrors = [err89];
}
else {
vErrors.push(err89);
}
errors++;
}
if(errors === _errs143){
if((typeof data40 == "number") && (isFinite(data40))){
if(data40 > 9007199254740991 || isNaN(data40)){
const err90 = {instancePath:instancePath+"/tracks/video/cuts/" + i3,schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/cuts/items/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9007199254740991},message:"must be <= 9007199254740991",schema:9007199254740991,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts.items,data:data40};
if(vErrors === null){
vErrors = [err90];
}
else {
vErrors.push(err90);
}
errors++;
}
else {
if(data40 < 1 || isNaN(data40)){
const err91 = {instancePath:instancePath+"/tracks/video/cuts/" + i3,schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/cuts/items/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts.items,data:data40};
if(vErrors === null){
vErrors = [err91];
}
else {
vErrors.push(err91);
}
errors++;
}
}
}
}
var valid42 = _errs143 === errors;
if(!valid42){
break;
}
}
}
else {
const err92 = {instancePath:instancePath+"/tracks/video/cuts",schemaPath:"#/properties/tracks/anyOf/0/properties/video/properties/cuts/type",keyword:"type",params:{type: "array"},message:"must be array",schema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video.properties.cuts,data:data39};
if(vErrors === null){
vErrors = [err92];
}
else {
vErrors.push(err92);
}
errors++;
}
}
var valid38 = _errs141 === errors;
}
else {
var valid38 = true;
}
}
}
}
}
else {
const err93 = {instancePath:instancePath+"/tracks/video",schemaPath:"#/properties/tracks/anyOf/0/properties/video/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.properties.tracks.anyOf[0].properties.video.type,parentSchema:schema34.properties.tracks.anyOf[0].properties.video,data:data35};
if(vErrors === null){
vErrors = [err93];
}
else {
vErrors.push(err93);
}
errors++;
}
}
var valid32 = _errs121 === errors;
}
else {
var valid32 = true;
}
}
}
}
else {
const err94 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/0/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema34.properties.tracks.anyOf[0].type,parentSchema:schema34.properties.tracks.anyOf[0],data:data23};
if(vErrors === null){
vErrors = [err94];
}
else {
vErrors.push(err94);
}
errors++;
}
}
var _valid4 = _errs96 === errors;
valid31 = valid31 || _valid4;
const _errs145 = errors;
if(errors === _errs145){
if(typeof data23 === "string"){
if(func1(data23) > 8192){
const err95 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/1/maxLength",keyword:"maxLength",params:{limit: 8192},message:"must NOT have more than 8192 characters",schema:8192,parentSchema:schema34.properties.tracks.anyOf[1],data:data23};
if(vErrors === null){
vErrors = [err95];
}
else {
vErrors.push(err95);
}
errors++;
}
else {
if(!pattern10.test(data23)){
const err96 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/1/pattern",keyword:"pattern",params:{pattern: "^([Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\\[\\]-~]*)?|s3://[a-z0-9.-]{3,63}/[^\\x00-\\x1f\\x7f]+)$"},message:"must match pattern \""+"^([Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\\[\\]-~]*)?|s3://[a-z0-9.-]{3,63}/[^\\x00-\\x1f\\x7f]+)$"+"\"",schema:"^([Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\\[\\]-~]*)?|s3://[a-z0-9.-]{3,63}/[^\\x00-\\x1f\\x7f]+)$",parentSchema:schema34.properties.tracks.anyOf[1],data:data23};
if(vErrors === null){
vErrors = [err96];
}
else {
vErrors.push(err96);
}
errors++;
}
}
}
else {
const err97 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.tracks.anyOf[1].type,parentSchema:schema34.properties.tracks.anyOf[1],data:data23};
if(vErrors === null){
vErrors = [err97];
}
else {
vErrors.push(err97);
}
errors++;
}
}
var _valid4 = _errs145 === errors;
valid31 = valid31 || _valid4;
const _errs148 = errors;
if(data23 !== null){
const err98 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf/2/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.tracks.anyOf[2].type,parentSchema:schema34.properties.tracks.anyOf[2],data:data23};
if(vErrors === null){
vErrors = [err98];
}
else {
vErrors.push(err98);
}
errors++;
}
var _valid4 = _errs148 === errors;
valid31 = valid31 || _valid4;
if(!valid31){
const err99 = {instancePath:instancePath+"/tracks",schemaPath:"#/properties/tracks/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.tracks.anyOf,parentSchema:schema34.properties.tracks,data:data23};
if(vErrors === null){
vErrors = [err99];
}
else {
vErrors.push(err99);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs95;
if(vErrors !== null){
if(_errs95){
vErrors.length = _errs95;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs94 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.upscale !== undefined){
let data41 = data.upscale;
const _errs150 = errors;
const _errs151 = errors;
let valid43 = false;
const _errs152 = errors;
if(typeof data41 !== "boolean"){
const err100 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf/0/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.upscale.anyOf[0].type,parentSchema:schema34.properties.upscale.anyOf[0],data:data41};
if(vErrors === null){
vErrors = [err100];
}
else {
vErrors.push(err100);
}
errors++;
}
var _valid8 = _errs152 === errors;
valid43 = valid43 || _valid8;
const _errs154 = errors;
if(data41 !== null){
const err101 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.upscale.anyOf[1].type,parentSchema:schema34.properties.upscale.anyOf[1],data:data41};
if(vErrors === null){
vErrors = [err101];
}
else {
vErrors.push(err101);
}
errors++;
}
var _valid8 = _errs154 === errors;
valid43 = valid43 || _valid8;
if(!valid43){
const err102 = {instancePath:instancePath+"/upscale",schemaPath:"#/properties/upscale/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.upscale.anyOf,parentSchema:schema34.properties.upscale,data:data41};
if(vErrors === null){
vErrors = [err102];
}
else {
vErrors.push(err102);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs151;
if(vErrors !== null){
if(_errs151){
vErrors.length = _errs151;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs150 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.upscale_model !== undefined){
let data42 = data.upscale_model;
const _errs156 = errors;
const _errs157 = errors;
let valid44 = false;
const _errs158 = errors;
const _errs161 = errors;
const _errs162 = errors;
if(errors === _errs162){
if(typeof data42 === "string"){
if(!pattern4.test(data42)){
const err103 = {};
if(vErrors === null){
vErrors = [err103];
}
else {
vErrors.push(err103);
}
errors++;
}
}
else {
const err104 = {};
if(vErrors === null){
vErrors = [err104];
}
else {
vErrors.push(err104);
}
errors++;
}
}
var valid45 = _errs162 === errors;
if(valid45){
const err105 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/0/not",keyword:"not",params:{},message:"must NOT be valid",schema:schema34.properties.upscale_model.anyOf[0].not,parentSchema:schema34.properties.upscale_model.anyOf[0],data:data42};
if(vErrors === null){
vErrors = [err105];
}
else {
vErrors.push(err105);
}
errors++;
}
else {
errors = _errs161;
if(vErrors !== null){
if(_errs161){
vErrors.length = _errs161;
}
else {
vErrors = null;
}
}
}
if(errors === _errs158){
if(typeof data42 === "string"){
if(func1(data42) > 200){
const err106 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/0/maxLength",keyword:"maxLength",params:{limit: 200},message:"must NOT have more than 200 characters",schema:200,parentSchema:schema34.properties.upscale_model.anyOf[0],data:data42};
if(vErrors === null){
vErrors = [err106];
}
else {
vErrors.push(err106);
}
errors++;
}
}
else {
const err107 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.upscale_model.anyOf[0].type,parentSchema:schema34.properties.upscale_model.anyOf[0],data:data42};
if(vErrors === null){
vErrors = [err107];
}
else {
vErrors.push(err107);
}
errors++;
}
}
var _valid9 = _errs158 === errors;
valid44 = valid44 || _valid9;
const _errs164 = errors;
if(data42 !== null){
const err108 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.upscale_model.anyOf[1].type,parentSchema:schema34.properties.upscale_model.anyOf[1],data:data42};
if(vErrors === null){
vErrors = [err108];
}
else {
vErrors.push(err108);
}
errors++;
}
var _valid9 = _errs164 === errors;
valid44 = valid44 || _valid9;
if(!valid44){
const err109 = {instancePath:instancePath+"/upscale_model",schemaPath:"#/properties/upscale_model/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.upscale_model.anyOf,parentSchema:schema34.properties.upscale_model,data:data42};
if(vErrors === null){
vErrors = [err109];
}
else {
vErrors.push(err109);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs157;
if(vErrors !== null){
if(_errs157){
vErrors.length = _errs157;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs156 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.size !== undefined){
let data43 = data.size;
const _errs166 = errors;
const _errs167 = errors;
let valid46 = false;
const _errs168 = errors;
const _errs169 = errors;
let valid47 = false;
let passing1 = null;
const _errs170 = errors;
const _errs171 = errors;
if(errors === _errs171){
if(data43 && typeof data43 == "object" && !Array.isArray(data43)){
let missing11;
if(((data43.w === undefined) && (missing11 = "w")) || ((data43.h === undefined) && (missing11 = "h"))){
const err110 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/required",keyword:"required",params:{missingProperty: missing11},message:"must have required property '"+missing11+"'",schema:schema39.required,parentSchema:schema39,data:data43};
if(vErrors === null){
vErrors = [err110];
}
else {
vErrors.push(err110);
}
errors++;
}
else {
const _errs173 = errors;
for(const key3 in data43){
if(!((key3 === "w") || (key3 === "h"))){
const err111 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key3},message:"must NOT have additional properties",schema:false,parentSchema:schema39,data:data43};
if(vErrors === null){
vErrors = [err111];
}
else {
vErrors.push(err111);
}
errors++;
break;
}
}
if(_errs173 === errors){
if(data43.w !== undefined){
let data44 = data43.w;
const _errs174 = errors;
if(!(((typeof data44 == "number") && (!(data44 % 1) && !isNaN(data44))) && (isFinite(data44)))){
const err112 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema39.properties.w.type,parentSchema:schema39.properties.w,data:data44};
if(vErrors === null){
vErrors = [err112];
}
else {
vErrors.push(err112);
}
errors++;
}
if(errors === _errs174){
if((typeof data44 == "number") && (isFinite(data44))){
if(data44 > 16384 || isNaN(data44)){
const err113 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16384},message:"must be <= 16384",schema:16384,parentSchema:schema39.properties.w,data:data44};
if(vErrors === null){
vErrors = [err113];
}
else {
vErrors.push(err113);
}
errors++;
}
else {
if(data44 < 1 || isNaN(data44)){
const err114 = {instancePath:instancePath+"/size/w",schemaPath:"#/$defs/Size/properties/w/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema39.properties.w,data:data44};
if(vErrors === null){
vErrors = [err114];
}
else {
vErrors.push(err114);
}
errors++;
}
}
}
}
var valid49 = _errs174 === errors;
}
else {
var valid49 = true;
}
if(valid49){
if(data43.h !== undefined){
let data45 = data43.h;
const _errs176 = errors;
if(!(((typeof data45 == "number") && (!(data45 % 1) && !isNaN(data45))) && (isFinite(data45)))){
const err115 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema39.properties.h.type,parentSchema:schema39.properties.h,data:data45};
if(vErrors === null){
vErrors = [err115];
}
else {
vErrors.push(err115);
}
errors++;
}
if(errors === _errs176){
if((typeof data45 == "number") && (isFinite(data45))){
if(data45 > 16384 || isNaN(data45)){
const err116 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16384},message:"must be <= 16384",schema:16384,parentSchema:schema39.properties.h,data:data45};
if(vErrors === null){
vErrors = [err116];
}
else {
vErrors.push(err116);
}
errors++;
}
else {
if(data45 < 1 || isNaN(data45)){
const err117 = {instancePath:instancePath+"/size/h",schemaPath:"#/$defs/Size/properties/h/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1",schema:1,parentSchema:schema39.properties.h,data:data45};
if(vErrors === null){
vErrors = [err117];
}
else {
vErrors.push(err117);
}
errors++;
}
}
}
}
var valid49 = _errs176 === errors;
}
else {
var valid49 = true;
}
}
}
}
}
else {
const err118 = {instancePath:instancePath+"/size",schemaPath:"#/$defs/Size/type",keyword:"type",params:{type: "object"},message:"must be object",schema:schema39.type,parentSchema:schema39,data:data43};
if(vErrors === null){
vErrors = [err118];
}
else {
vErrors.push(err118);
}
errors++;
}
}
var _valid11 = _errs170 === errors;
if(_valid11){
valid47 = true;
passing1 = 0;
}
const _errs178 = errors;
if(errors === _errs178){
if(typeof data43 === "string"){
if(!pattern12.test(data43)){
const err119 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf/1/pattern",keyword:"pattern",params:{pattern: "^([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])x([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])$"},message:"must match pattern \""+"^([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])x([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])$"+"\"",schema:"^([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])x([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])$",parentSchema:schema34.properties.size.anyOf[0].oneOf[1],data:data43};
if(vErrors === null){
vErrors = [err119];
}
else {
vErrors.push(err119);
}
errors++;
}
}
else {
const err120 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf/1/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.size.anyOf[0].oneOf[1].type,parentSchema:schema34.properties.size.anyOf[0].oneOf[1],data:data43};
if(vErrors === null){
vErrors = [err120];
}
else {
vErrors.push(err120);
}
errors++;
}
}
var _valid11 = _errs178 === errors;
if(_valid11 && valid47){
valid47 = false;
passing1 = [passing1, 1];
}
else {
if(_valid11){
valid47 = true;
passing1 = 1;
}
}
if(!valid47){
const err121 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/0/oneOf",keyword:"oneOf",params:{passingSchemas: passing1},message:"must match exactly one schema in oneOf",schema:schema34.properties.size.anyOf[0].oneOf,parentSchema:schema34.properties.size.anyOf[0],data:data43};
if(vErrors === null){
vErrors = [err121];
}
else {
vErrors.push(err121);
}
errors++;
}
else {
errors = _errs169;
if(vErrors !== null){
if(_errs169){
vErrors.length = _errs169;
}
else {
vErrors = null;
}
}
}
var _valid10 = _errs168 === errors;
valid46 = valid46 || _valid10;
const _errs181 = errors;
if(data43 !== null){
const err122 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.size.anyOf[1].type,parentSchema:schema34.properties.size.anyOf[1],data:data43};
if(vErrors === null){
vErrors = [err122];
}
else {
vErrors.push(err122);
}
errors++;
}
var _valid10 = _errs181 === errors;
valid46 = valid46 || _valid10;
if(!valid46){
const err123 = {instancePath:instancePath+"/size",schemaPath:"#/properties/size/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.size.anyOf,parentSchema:schema34.properties.size,data:data43};
if(vErrors === null){
vErrors = [err123];
}
else {
vErrors.push(err123);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs167;
if(vErrors !== null){
if(_errs167){
vErrors.length = _errs167;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs166 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.format !== undefined){
let data46 = data.format;
const _errs183 = errors;
const _errs184 = errors;
let valid50 = false;
const _errs185 = errors;
if(typeof data46 !== "string"){
const err124 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/0/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.format.anyOf[0].type,parentSchema:schema34.properties.format.anyOf[0],data:data46};
if(vErrors === null){
vErrors = [err124];
}
else {
vErrors.push(err124);
}
errors++;
}
if(!(((((data46 === "mp4") || (data46 === "mov")) || (data46 === "webm")) || (data46 === "mkv")) || (data46 === "gif"))){
const err125 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/0/enum",keyword:"enum",params:{allowedValues: schema34.properties.format.anyOf[0].enum},message:"must be equal to one of the allowed values",schema:schema34.properties.format.anyOf[0].enum,parentSchema:schema34.properties.format.anyOf[0],data:data46};
if(vErrors === null){
vErrors = [err125];
}
else {
vErrors.push(err125);
}
errors++;
}
var _valid12 = _errs185 === errors;
valid50 = valid50 || _valid12;
const _errs187 = errors;
if(data46 !== null){
const err126 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.format.anyOf[1].type,parentSchema:schema34.properties.format.anyOf[1],data:data46};
if(vErrors === null){
vErrors = [err126];
}
else {
vErrors.push(err126);
}
errors++;
}
var _valid12 = _errs187 === errors;
valid50 = valid50 || _valid12;
if(!valid50){
const err127 = {instancePath:instancePath+"/format",schemaPath:"#/properties/format/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.format.anyOf,parentSchema:schema34.properties.format,data:data46};
if(vErrors === null){
vErrors = [err127];
}
else {
vErrors.push(err127);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs184;
if(vErrors !== null){
if(_errs184){
vErrors.length = _errs184;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs183 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.quality !== undefined){
let data47 = data.quality;
const _errs189 = errors;
if(typeof data47 !== "string"){
validate23.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/type",keyword:"type",params:{type: "string"},message:"must be string",schema:schema34.properties.quality.type,parentSchema:schema34.properties.quality,data:data47}];
return false;
}
if(!((((data47 === "high") || (data47 === "medium")) || (data47 === "low")) || (data47 === "lossless"))){
validate23.errors = [{instancePath:instancePath+"/quality",schemaPath:"#/properties/quality/enum",keyword:"enum",params:{allowedValues: schema34.properties.quality.enum},message:"must be equal to one of the allowed values",schema:schema34.properties.quality.enum,parentSchema:schema34.properties.quality,data:data47}];
return false;
}
var valid22 = _errs189 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.start !== undefined){
let data48 = data.start;
const _errs191 = errors;
const _errs192 = errors;
let valid51 = false;
const _errs193 = errors;
if(errors === _errs193){
if((typeof data48 == "number") && (isFinite(data48))){
if(data48 < 0 || isNaN(data48)){
const err128 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf/0/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema34.properties.start.anyOf[0],data:data48};
if(vErrors === null){
vErrors = [err128];
}
else {
vErrors.push(err128);
}
errors++;
}
}
else {
const err129 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.start.anyOf[0].type,parentSchema:schema34.properties.start.anyOf[0],data:data48};
if(vErrors === null){
vErrors = [err129];
}
else {
vErrors.push(err129);
}
errors++;
}
}
var _valid13 = _errs193 === errors;
valid51 = valid51 || _valid13;
const _errs195 = errors;
if(data48 !== null){
const err130 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.start.anyOf[1].type,parentSchema:schema34.properties.start.anyOf[1],data:data48};
if(vErrors === null){
vErrors = [err130];
}
else {
vErrors.push(err130);
}
errors++;
}
var _valid13 = _errs195 === errors;
valid51 = valid51 || _valid13;
if(!valid51){
const err131 = {instancePath:instancePath+"/start",schemaPath:"#/properties/start/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.start.anyOf,parentSchema:schema34.properties.start,data:data48};
if(vErrors === null){
vErrors = [err131];
}
else {
vErrors.push(err131);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs192;
if(vErrors !== null){
if(_errs192){
vErrors.length = _errs192;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs191 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.end !== undefined){
let data49 = data.end;
const _errs197 = errors;
const _errs198 = errors;
let valid52 = false;
const _errs199 = errors;
if(errors === _errs199){
if((typeof data49 == "number") && (isFinite(data49))){
if(data49 <= 0 || isNaN(data49)){
const err132 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf/0/exclusiveMinimum",keyword:"exclusiveMinimum",params:{comparison: ">", limit: 0},message:"must be > 0",schema:0,parentSchema:schema34.properties.end.anyOf[0],data:data49};
if(vErrors === null){
vErrors = [err132];
}
else {
vErrors.push(err132);
}
errors++;
}
}
else {
const err133 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf/0/type",keyword:"type",params:{type: "number"},message:"must be number",schema:schema34.properties.end.anyOf[0].type,parentSchema:schema34.properties.end.anyOf[0],data:data49};
if(vErrors === null){
vErrors = [err133];
}
else {
vErrors.push(err133);
}
errors++;
}
}
var _valid14 = _errs199 === errors;
valid52 = valid52 || _valid14;
const _errs201 = errors;
if(data49 !== null){
const err134 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf/1/type",keyword:"type",params:{type: "null"},message:"must be null",schema:schema34.properties.end.anyOf[1].type,parentSchema:schema34.properties.end.anyOf[1],data:data49};
if(vErrors === null){
vErrors = [err134];
}
else {
vErrors.push(err134);
}
errors++;
}
var _valid14 = _errs201 === errors;
valid52 = valid52 || _valid14;
if(!valid52){
const err135 = {instancePath:instancePath+"/end",schemaPath:"#/properties/end/anyOf",keyword:"anyOf",params:{},message:"must match a schema in anyOf",schema:schema34.properties.end.anyOf,parentSchema:schema34.properties.end,data:data49};
if(vErrors === null){
vErrors = [err135];
}
else {
vErrors.push(err135);
}
errors++;
validate23.errors = vErrors;
return false;
}
else {
errors = _errs198;
if(vErrors !== null){
if(_errs198){
vErrors.length = _errs198;
}
else {
vErrors = null;
}
}
}
var valid22 = _errs197 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.tonemap !== undefined){
let data50 = data.tonemap;
const _errs203 = errors;
if(typeof data50 !== "boolean"){
validate23.errors = [{instancePath:instancePath+"/tonemap",schemaPath:"#/properties/tonemap/type",keyword:"type",params:{type: "boolean"},message:"must be boolean",schema:schema34.properties.tonemap.type,parentSchema:schema34.properties.tonemap,data:data50}];
return false;
}
var valid22 = _errs203 === errors;
}
else {
var valid22 = true;
}
if(valid22){
if(data.reuse_tolerance !== undefined){
let data51 = data.reuse_tolerance;
const _errs205 = errors;
if(!(((typeof data51 == "number") && (!(data51 % 1) && !isNaN(data51))) && (isFinite(data51)))){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/type",keyword:"type",params:{type: "integer"},message:"must be integer",schema:schema34.properties.reuse_tolerance.type,parentSchema:schema34.properties.reuse_tolerance,data:data51}];
return false;
}
if(errors === _errs205){
if((typeof data51 == "number") && (isFinite(data51))){
if(data51 > 16 || isNaN(data51)){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/maximum",keyword:"maximum",params:{comparison: "<=", limit: 16},message:"must be <= 16",schema:16,parentSchema:schema34.properties.reuse_tolerance,data:data51}];
return false;
}
else {
if(data51 < 0 || isNaN(data51)){
validate23.errors = [{instancePath:instancePath+"/reuse_tolerance",schemaPath:"#/properties/reuse_tolerance/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0",schema:0,parentSchema:schema34.properties.reuse_tolerance,data:data51}];
return false;
}
}
}
}
var valid22 = _errs205 === errors;
}
else {
var valid22 = true;
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
