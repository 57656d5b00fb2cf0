BEGIN TRANSACTION;
CREATE TABLE failures (stack TEXT PRIMARY KEY, failure TEXT NOT NULL);
CREATE TABLE operations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id UNIQUE NOT NULL, verb, stack, cloud, subscription, resource_group, vm_name, owner, digest, expires, state, host, pid, created, started, ended, outputs, failure
);
INSERT INTO "operations" VALUES(1,'9fc2cbcc9940107b','provision','exp1-fcc44698','local','00000000-0000-0000-0000-000000000000','vmops-exp1','exp1','ada','f7146c2556d0eed9c830cc44600fd811c90cab1004642bfb495cf9f7a5910113',0.0,'succeeded','@HOST@',4194305,1.79574538509319567682e+09,1.79574538594294190411e+09,1.79574539418594169614e+09,'{"id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-exp1/providers/Microsoft.Compute/virtualMachines/exp1", "name": "exp1", "resourceGroup": "vmops-exp1", "location": "westus2", "privateIp": "10.0.0.4", "publicIp": "203.0.113.1", "fqdn": null, "adminUsername": "mlos"}',NULL);
INSERT INTO "operations" VALUES(2,'43558efe7506a2d1','provision','exp3-51942301','local','00000000-0000-0000-0000-000000000000','lab','exp3','ada','bb21b3d2d3e9e54715196c02cfa8026bfbdd75018ed0d7f38e51bef49636af7e',0.0,'succeeded','@HOST@',4194305,1.79574539421584367755e+09,1.79574539513212752344e+09,1.79574540237430405617e+09,'{"id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/exp3", "name": "exp3", "resourceGroup": "lab", "location": "westus2", "privateIp": "10.0.0.4", "publicIp": null, "fqdn": null, "adminUsername": "mlos"}',NULL);
INSERT INTO "operations" VALUES(3,'d278b61f400215d7','provision','exp2-a599a2c6','local','00000000-0000-0000-0000-000000000000','vmops-exp2','exp2','ada','246f74cab9a2b8ad762ec0d7331be2d2102a4654365e232644ad5508315dff4e',0.0,'running','@HOST@',4194305,1.79574540240785956385e+09,1.79574540362708973888e+09,0.0,'{}',NULL);
INSERT INTO "operations" VALUES(4,'564efd3d4e82625b','deprovision','exp3-51942301','local','00000000-0000-0000-0000-000000000000','lab','exp3','ada','',0.0,'running','@HOST@',4194305,1.79574541234210300448e+09,1.79574541345134091382e+09,0.0,'{}',NULL);
CREATE UNIQUE INDEX one_in_flight ON operations (stack, verb) WHERE state IN ('pending', 'running');
CREATE INDEX by_stack ON operations (stack, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('operations',4);
COMMIT;
