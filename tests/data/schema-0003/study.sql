BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE calibration (
	id INTEGER NOT NULL, 
	participant_id INTEGER NOT NULL, 
	measured_at DATETIME NOT NULL, 
	device_pixels_per_cm DOUBLE NOT NULL, 
	viewing_distance_cm DOUBLE NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (device_pixels_per_cm > 0), 
	CHECK (viewing_distance_cm > 0), 
	FOREIGN KEY(participant_id) REFERENCES participant (id)
);
INSERT INTO "calibration" VALUES(1,1,'2026-11-27 05:26:59.737436',47.25,57.3);
INSERT INTO "calibration" VALUES(2,3,'2026-11-27 05:27:00.325744',47.25,57.3);
INSERT INTO "calibration" VALUES(3,7,'2026-11-27 05:27:01.387089',47.25,57.3);
CREATE TABLE event (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	participant_id INTEGER, 
	at DATETIME NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	actor VARCHAR(16) NOT NULL, 
	detail VARCHAR(500) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_id) REFERENCES study (id), 
	FOREIGN KEY(participant_id) REFERENCES participant (id)
);
INSERT INTO "event" VALUES(1,1,1,'2026-11-27 05:26:59.879462','resumed','participant','visit 2');
INSERT INTO "event" VALUES(2,1,3,'2026-11-27 05:27:01.245325','excluded','researcher','wore no glasses');
INSERT INTO "event" VALUES(3,1,4,'2026-11-27 05:27:01.330731','slot_released','researcher','slot 3, returned');
INSERT INTO "event" VALUES(4,1,5,'2026-11-27 05:27:01.463139','slot_released','participant','slot 4, withdrawn');
INSERT INTO "event" VALUES(5,1,5,'2026-11-27 05:27:01.476538','withdrawn','participant','removed: answers');
CREATE TABLE free_slot (
	study_id INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	PRIMARY KEY (study_id, slot), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "free_slot" VALUES(1,4);
CREATE TABLE id_use (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	address VARCHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "id_use" VALUES(1,1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-11-27 05:26:59.601337');
INSERT INTO "id_use" VALUES(2,1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-11-27 05:27:00.244091');
INSERT INTO "id_use" VALUES(3,1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-11-27 05:27:00.560278');
CREATE TABLE identity (
	participant_id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	platform VARCHAR(16) NOT NULL, 
	person VARCHAR(128), 
	project VARCHAR(128), 
	session VARCHAR(128), 
	repetition INTEGER NOT NULL, 
	PRIMARY KEY (participant_id), 
	UNIQUE (study_id, platform, person, repetition), 
	CHECK (repetition >= 1), 
	FOREIGN KEY(participant_id, study_id) REFERENCES participant (id, study_id)
);
INSERT INTO "identity" VALUES(1,1,'prolific','anna0001','64aa','session-anna',1);
INSERT INTO "identity" VALUES(3,1,'prolific','carla0001','64aa','session-carla',1);
CREATE TABLE image (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	source_file VARCHAR NOT NULL, 
	source_sha256 VARCHAR(64), 
	selection VARCHAR, 
	licence VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, name), 
	UNIQUE (id, study_id), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "image" VALUES(1,1,'00001','astronaut.png','88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5',NULL,'public domain');
INSERT INTO "image" VALUES(2,1,'00002','coffee.png','cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7',NULL,'CC0 1.0');
INSERT INTO "image" VALUES(3,1,'00003','hubble_deep_field.jpg','3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4',NULL,'public domain');
INSERT INTO "image" VALUES(4,1,'00004','retina.jpg','38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6',NULL,'CC0 1.0');
CREATE TABLE invitation (
	token VARCHAR(64) NOT NULL, 
	study_id INTEGER NOT NULL, 
	label VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (token), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "invitation" VALUES('idoom3VUmyqwepXLiTZT7Rgf',1,'class-1','2026-11-27 05:27:01.492608');
INSERT INTO "invitation" VALUES('aFZtv5QrAkNjj4xamcLYLZwE',1,'class-2','2026-11-27 05:27:01.492608');
CREATE TABLE later_ids (
	participant_id INTEGER NOT NULL, 
	session VARCHAR(128) NOT NULL, 
	project VARCHAR(128), 
	added_at DATETIME NOT NULL, 
	PRIMARY KEY (participant_id, session), 
	FOREIGN KEY(participant_id) REFERENCES identity (participant_id)
);
INSERT INTO "later_ids" VALUES(1,'session-anna-2','64aa','2026-11-27 05:26:59.879242');
CREATE TABLE login (
	id_sha256 VARCHAR(64) NOT NULL, 
	study_id INTEGER NOT NULL, 
	proof VARCHAR(64) NOT NULL, 
	address VARCHAR(32) NOT NULL, 
	made_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	PRIMARY KEY (id_sha256), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
CREATE TABLE pair (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	shift_px INTEGER NOT NULL, 
	direction VARCHAR(10) NOT NULL, 
	reference_file VARCHAR NOT NULL, 
	stimulus_file VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (image_id, shift_px), 
	UNIQUE (study_id, name), 
	UNIQUE (id, study_id), 
	FOREIGN KEY(image_id, study_id) REFERENCES image (id, study_id), 
	CHECK (shift_px >= 0), 
	CHECK (direction IN ('right', 'left', 'up', 'down', 'up-right', 'up-left', 'down-right', 'down-left'))
);
INSERT INTO "pair" VALUES(1,1,1,'00001_n-0',0,'down','stimuli/00001_n-0.png','stimuli/00001_n-0.png');
INSERT INTO "pair" VALUES(2,1,1,'00001_n-1',1,'down','stimuli/00001_n-0.png','stimuli/00001_n-1.png');
INSERT INTO "pair" VALUES(3,1,1,'00001_n-2',2,'down','stimuli/00001_n-0.png','stimuli/00001_n-2.png');
INSERT INTO "pair" VALUES(4,1,1,'00001_n-3',3,'down','stimuli/00001_n-0.png','stimuli/00001_n-3.png');
INSERT INTO "pair" VALUES(5,1,2,'00002_n-0',0,'up','stimuli/00002_n-0.png','stimuli/00002_n-0.png');
INSERT INTO "pair" VALUES(6,1,2,'00002_n-1',1,'up','stimuli/00002_n-0.png','stimuli/00002_n-1.png');
INSERT INTO "pair" VALUES(7,1,2,'00002_n-2',2,'up','stimuli/00002_n-0.png','stimuli/00002_n-2.png');
INSERT INTO "pair" VALUES(8,1,2,'00002_n-3',3,'up','stimuli/00002_n-0.png','stimuli/00002_n-3.png');
INSERT INTO "pair" VALUES(9,1,3,'00003_n-0',0,'down-right','stimuli/00003_n-0.png','stimuli/00003_n-0.png');
INSERT INTO "pair" VALUES(10,1,3,'00003_n-1',1,'down-right','stimuli/00003_n-0.png','stimuli/00003_n-1.png');
INSERT INTO "pair" VALUES(11,1,3,'00003_n-2',2,'down-right','stimuli/00003_n-0.png','stimuli/00003_n-2.png');
INSERT INTO "pair" VALUES(12,1,3,'00003_n-3',3,'down-right','stimuli/00003_n-0.png','stimuli/00003_n-3.png');
INSERT INTO "pair" VALUES(13,1,4,'00004_n-0',0,'left','stimuli/00004_n-0.png','stimuli/00004_n-0.png');
INSERT INTO "pair" VALUES(14,1,4,'00004_n-1',1,'left','stimuli/00004_n-0.png','stimuli/00004_n-1.png');
INSERT INTO "pair" VALUES(15,1,4,'00004_n-2',2,'left','stimuli/00004_n-0.png','stimuli/00004_n-2.png');
INSERT INTO "pair" VALUES(16,1,4,'00004_n-3',3,'left','stimuli/00004_n-0.png','stimuli/00004_n-3.png');
CREATE TABLE participant (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	token VARCHAR(64) NOT NULL, 
	withdrawal_code VARCHAR(16) NOT NULL, 
	slot INTEGER, 
	stage VARCHAR(16) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	language VARCHAR(16), 
	answered INTEGER NOT NULL, 
	visits INTEGER NOT NULL, 
	consented_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	last_answer_at DATETIME, 
	address VARCHAR(32), 
	finished_at DATETIME, 
	completion_code VARCHAR(64), 
	passed BOOLEAN, 
	failed_rules VARCHAR(200), 
	excluded_reason VARCHAR(200), 
	released_reason VARCHAR(16), 
	withdrawn_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, number), 
	UNIQUE (study_id, slot), 
	UNIQUE (id, study_id), 
	CHECK (stage IN ('instructions', 'calibration', 'practice', 'trials', 'questions', 'finished')), 
	CHECK ((stage = 'finished') = (completion_code IS NOT NULL)), 
	CHECK ((stage = 'finished') = (finished_at IS NOT NULL)), 
	CHECK (withdrawn_at IS NULL OR slot IS NULL), 
	FOREIGN KEY(study_id) REFERENCES study (id), 
	UNIQUE (token), 
	UNIQUE (withdrawal_code)
);
INSERT INTO "participant" VALUES(1,1,1,'token-of-anna-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx','6BNZVZ886K',0,'finished',0,'en',4,2,'2026-11-27 05:26:59.626965','2026-11-27 05:27:00.009274','2026-11-27 05:26:59.971244',NULL,'2026-11-27 05:27:00.009274','C1DONE',1,'',NULL,NULL,NULL);
INSERT INTO "participant" VALUES(2,1,2,'token-of-ben-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','RV98JR2V8N',1,'questions',0,'en',4,1,'2026-11-27 05:27:00.033494','2026-11-27 05:27:00.239939','2026-11-27 05:27:00.239939',NULL,NULL,NULL,0,'catch_errors',NULL,NULL,NULL);
INSERT INTO "participant" VALUES(3,1,3,'token-of-carla-xxxxxxxxxxxxxxxxxxxxxxxxxxxx','XLQAQCNGAF',2,'finished',0,'en',4,1,'2026-11-27 05:27:00.255565','2026-11-27 05:27:00.434443','2026-11-27 05:27:00.421021',NULL,'2026-11-27 05:27:00.434443','C1DONE',1,'','wore no glasses',NULL,NULL);
INSERT INTO "participant" VALUES(4,1,4,'token-of-dora-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx','WWSEKVCT9T',NULL,'trials',0,'en',2,1,'2026-11-27 05:27:00.445171','2026-11-27 05:27:00.538662','2026-11-27 05:27:00.538662',NULL,NULL,NULL,NULL,NULL,NULL,'returned',NULL);
INSERT INTO "participant" VALUES(5,1,5,'Jik3XPsyepnQ3fMz8TasoHMCfn2swP7TWceLamqJfS4','TKT7CXRC3L',NULL,'trials',0,'en',0,0,'2026-11-27 05:27:00.580663','2026-11-27 05:27:00.701945','2026-11-27 05:27:00.701945',NULL,NULL,NULL,NULL,NULL,NULL,'withdrawn','2026-11-27 05:27:01.463836');
INSERT INTO "participant" VALUES(6,1,6,'token-of-fred-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx','UU4XFM983G',5,'questions',0,'en',4,1,'2026-11-27 05:27:00.710428','2026-11-27 05:27:01.187499','2026-11-27 05:27:01.187499',NULL,NULL,NULL,1,'hurried',NULL,NULL,NULL);
INSERT INTO "participant" VALUES(7,1,7,'token-of-gina-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx','5CVP6X7ALH',3,'trials',0,'en',1,1,'2026-11-27 05:27:01.352032','2026-11-27 05:27:01.442904','2026-11-27 05:27:01.442904','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE question_answer (
	participant_id INTEGER NOT NULL, 
	question VARCHAR(40) NOT NULL, 
	answer VARCHAR(500) NOT NULL, 
	PRIMARY KEY (participant_id, question), 
	FOREIGN KEY(participant_id) REFERENCES participant (id)
);
INSERT INTO "question_answer" VALUES(1,'age','20–35');
INSERT INTO "question_answer" VALUES(1,'background','arts');
INSERT INTO "question_answer" VALUES(3,'age','36–50');
CREATE TABLE response (
	trial_id INTEGER NOT NULL, 
	idempotency_key VARCHAR(64) NOT NULL, 
	response VARCHAR(16) NOT NULL, 
	reaction_time_ms DOUBLE NOT NULL, 
	device_pixel_ratio DOUBLE NOT NULL, 
	pixel_scale INTEGER NOT NULL, 
	viewport_width INTEGER NOT NULL, 
	viewport_height INTEGER NOT NULL, 
	hidden BOOLEAN NOT NULL, 
	visit INTEGER, 
	window_changes INTEGER, 
	refresh_rate_hz DOUBLE, 
	sent_after_ms DOUBLE, 
	images_sent_at DATETIME, 
	answered_at DATETIME NOT NULL, 
	PRIMARY KEY (trial_id), 
	CHECK (response IN ('same', 'different')), 
	CHECK (reaction_time_ms >= 0), 
	CHECK (device_pixel_ratio > 0), 
	CHECK (pixel_scale >= 1), 
	CHECK (viewport_width >= 1 AND viewport_height >= 1), 
	CHECK (visit >= 1), 
	CHECK (window_changes >= 0), 
	CHECK (refresh_rate_hz > 0), 
	CHECK (sent_after_ms >= 0), 
	FOREIGN KEY(trial_id) REFERENCES trial (id), 
	UNIQUE (idempotency_key)
);
INSERT INTO "response" VALUES(1,'key-anna-4-abc','different',1000.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:16:59.830000','2026-11-27 05:26:59.831853');
INSERT INTO "response" VALUES(2,'key-anna-3-abc','different',1001.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:16:59.869000','2026-11-27 05:26:59.869006');
INSERT INTO "response" VALUES(3,'key-anna-2-abc','different',1000.0,1.25,1,1280,720,0,2,0,60.0,12.5,'2026-11-27 05:16:59.939000','2026-11-27 05:26:59.939822');
INSERT INTO "response" VALUES(4,'key-anna-1-abc','same',1001.0,1.25,1,1280,720,0,2,0,60.0,12.5,'2026-11-27 05:16:59.971000','2026-11-27 05:26:59.971244');
INSERT INTO "response" VALUES(5,'key-ben-4-abc','different',1000.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.195000','2026-11-27 05:27:00.195141');
INSERT INTO "response" VALUES(6,'key-ben-3-abc','same',1001.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.210000','2026-11-27 05:27:00.210489');
INSERT INTO "response" VALUES(7,'key-ben-2-abc','same',1002.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.223000','2026-11-27 05:27:00.223981');
INSERT INTO "response" VALUES(8,'key-ben-1-abc','same',1003.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.239000','2026-11-27 05:27:00.239939');
INSERT INTO "response" VALUES(9,'key-carla-4-abc','different',1000.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.366000','2026-11-27 05:27:00.366249');
INSERT INTO "response" VALUES(10,'key-carla-3-abc','different',1001.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.385000','2026-11-27 05:27:00.385722');
INSERT INTO "response" VALUES(11,'key-carla-2-abc','different',1002.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.416000','2026-11-27 05:27:00.417000');
INSERT INTO "response" VALUES(12,'key-carla-1-abc','same',1003.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.421000','2026-11-27 05:27:00.421021');
INSERT INTO "response" VALUES(13,'key-dora-4-abc','same',1000.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.527000','2026-11-27 05:27:00.527546');
INSERT INTO "response" VALUES(14,'key-dora-3-abc','different',1001.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:00.538000','2026-11-27 05:27:00.538662');
INSERT INTO "response" VALUES(21,'key-fred-4-abc','different',100.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:01.162000','2026-11-27 05:27:01.162366');
INSERT INTO "response" VALUES(22,'key-fred-3-abc','same',101.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:01.171000','2026-11-27 05:27:01.170982');
INSERT INTO "response" VALUES(23,'key-fred-2-abc','different',102.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:01.181000','2026-11-27 05:27:01.181049');
INSERT INTO "response" VALUES(24,'key-fred-1-abc','different',103.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:01.187000','2026-11-27 05:27:01.187499');
INSERT INTO "response" VALUES(25,'key-gina-4-abc','different',1000.0,1.25,1,1280,720,0,1,0,60.0,12.5,'2026-11-27 05:17:01.443000','2026-11-27 05:27:01.442904');
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	settings VARCHAR NOT NULL, 
	manifest_sha256 VARCHAR(64) NOT NULL, 
	simulation_key VARCHAR(64) NOT NULL, 
	secret_key VARCHAR(64) NOT NULL, 
	password_hash VARCHAR(256), 
	state VARCHAR(8) NOT NULL, 
	next_slot INTEGER NOT NULL, 
	frozen_at DATETIME, 
	PRIMARY KEY (id), 
	CHECK (state IN ('open', 'paused', 'closed')), 
	CHECK (next_slot >= 0), 
	UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'before','{"acceptance": {"fastest_ms": 300.0, "least_catch_dprime": 0.0, "most_catch_errors": 1}, "display": {"background": "#808080", "calibration": "optional", "fixation_ms": 0, "gap_px": 20, "inter_trial_ms": 250, "key_different": "j", "key_same": "f", "pixel_scale": 0, "time_limit_ms": 0}, "practice": {"images": "demo", "shifts": [3, 0, 3, 0]}, "questions": [{"id": "age", "options": ["under 20", "20–35", "36–50", "51–65", "over 65", "I prefer not to say"], "text": "How old are you?"}, {"id": "background", "options": ["arts", "business", "computer science", "education", "engineering", "medicine", "natural sciences", "other"], "text": "What is your professional background?"}], "stimuli": {"count": 4, "direction": "mixed", "max_shift": 3, "seed": 3, "selected_by": [], "shifts": [], "size": 32, "source": "demo"}, "study": {"contact": "", "languages": ["en", "de"], "name": "before", "title": "Seeing small shifts"}, "texts": {"consent": "You are invited to take part in a study of how well people see small shifts in images.\n\nYou will look at pairs of pictures and say of each pair whether the two are the same or different. It takes about ten minutes. There are no known risks. We record your answers, how long each takes, and what your browser says of its window and screen (size, resolution, refresh rate, language); nothing that identifies you.\n\nTaking part is voluntary: you can stop at any time by closing this page.", "instructions": "You will see two pictures side by side, one pair at a time. Both are cut from the same photograph.\n\nIn some pairs the two are exactly the same. In the others, one has been shifted by a few pixels: everything in it lies a little to the side. There may or may not be a shift; often it is hard to tell.\n\nSay whether the two pictures are the same or different. Only a shift matters: colours, sharpness and content never differ. Take the time you need.", "question": "Are the two images the same or different?", "thanks": "Your answers have been saved. Thank you for taking part."}, "translations": {}, "trials": {"at_each_shift": [], "more_catch": 0, "per_shift": 1, "seed": 3, "slot_timeout_minutes": 60.0, "strategy": "balanced"}}','aac2587350e31ec71ca609bde0527ae903fc3c74dc756daef3876e024e6c87b2','ny21W5nRMt6ReungXk4xyg','tTxXYzEWDKw56vUZEXHMglrdlTM7PxNj4Lq6cY74NSk',NULL,'open',6,'2026-11-27 05:26:59.626965');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	participant_id INTEGER NOT NULL, 
	pair_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	reference_side VARCHAR(5) NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	left_token VARCHAR(32) NOT NULL, 
	right_token VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (participant_id, position), 
	UNIQUE (participant_id, pair_id), 
	FOREIGN KEY(participant_id, study_id) REFERENCES participant (id, study_id), 
	FOREIGN KEY(pair_id, study_id) REFERENCES pair (id, study_id), 
	CHECK (position >= 1), 
	CHECK (reference_side IN ('left', 'right')), 
	CHECK (left_token <> right_token), 
	UNIQUE (token), 
	UNIQUE (left_token), 
	UNIQUE (right_token)
);
INSERT INTO "trial" VALUES(1,1,1,10,1,'left','4JwBmPvzJRrep__j26zB8g','kyOC8LC5FDGfBrk-gExCOw','-kOe94WeGZlN3aa7TEOz4w');
INSERT INTO "trial" VALUES(2,1,1,8,2,'left','YgPGcxGXU9cbyBUCIMBhtQ','5-PwHeOIF5lKOnx8ypzpoA','IBxjZlIuifkZi-tOJaoBRg');
INSERT INTO "trial" VALUES(3,1,1,15,3,'right','0vyOlcX0f2bgNpPQj2ugEQ','XHYs_YUs-nlM0kP4-dNzEg','1zyNc89L5sjee52fVbsFXQ');
INSERT INTO "trial" VALUES(4,1,1,1,4,'right','6nlDrTG5v8XqJALR2-vkKA','cwya-RXQyA7Ms3tBOoENQQ','ZIz5oVOpAJtqeLATVyRbzw');
INSERT INTO "trial" VALUES(5,1,2,5,1,'left','X96pvigZLZWZTxfTejchmg','rzwEHa5-rlCLwC3w88GBEg','XXIDjMMucRgR2W6ARqRSDQ');
INSERT INTO "trial" VALUES(6,1,2,11,2,'left','3-cDGpdIaaesKkGUtzKG7w','N468wNNbXIldxs8r705yCQ','RrCCcz7rhwiL4CrS06bsVA');
INSERT INTO "trial" VALUES(7,1,2,14,3,'left','4ZBD_ERsQF6KKouc3a4L9g','N7MGS3oi21VHBlXFBW-lZg','UhyKmYHRIoU4Xsous8xUUw');
INSERT INTO "trial" VALUES(8,1,2,4,4,'left','cLxxLDo_8Y_WRBM-1uZT5A','7WPkk6ED3OS5aYMDiKE8XQ','aUOadIL-Rc9XZhYvAu-mng');
INSERT INTO "trial" VALUES(9,1,3,2,1,'right','TsIbeL1nM-5fIWIF7r3aLg','MpYnjKbtK01k0Z89D-Ybaw','QJr0_OWMK_TI02r-IH3x2g');
INSERT INTO "trial" VALUES(10,1,3,7,2,'right','pkRKypE0dHoJBp3WRjUtDQ','HCKLGkMGsH89oeZA8zLSRQ','UvZsYb7wvk_ibRyESlQigA');
INSERT INTO "trial" VALUES(11,1,3,16,3,'left','ah0YHqNiNEPUaWbdLFeBDg','EiwqyAWwOgXiiT43hRlZLA','3VPMi11_tcwQ8xTP9akv1g');
INSERT INTO "trial" VALUES(12,1,3,9,4,'right','t22kvm14Abdnp4PDl9NAhw','4xRqg2fEhuI5EczQ1lwmhA','5Jpx-Fn3wObOVU3gpfLY9Q');
INSERT INTO "trial" VALUES(13,1,4,13,1,'right','2OD6smnEN0XPd-Gyzn4NNw','qrdSsAW120ZcDnUHupU7xQ','OGR6K0RXz-OXAHqFNi6g0A');
INSERT INTO "trial" VALUES(14,1,4,6,2,'left','IX9qt09hqxgnGpHWVds4aA','4eT9VYAnfrY24cHMHLdJOw','6Ywnjbb8T4YUOHAAQdNbEg');
INSERT INTO "trial" VALUES(15,1,4,12,3,'left','IkNfTsfxgM0eVkRV8JMotQ','VbVUkB4P3VJhvfF4HJubPw','aTqdlFaI3Ioikf3CpD9TDw');
INSERT INTO "trial" VALUES(16,1,4,3,4,'right','hnqG7YXQBr8AUYAa2F0zPA','HCGtnPWqYZElqCGCmrM4eg','F1SaBa5jAlhZZGE8mFVLBw');
INSERT INTO "trial" VALUES(17,1,5,12,1,'left','1cwmmqMPQn9Kp0Y77QFM-A','rD_-0FFC_gA86T0DAS5mrQ','FbShX1j5UN0z3XFTdRV7yQ');
INSERT INTO "trial" VALUES(18,1,5,7,2,'right','bh_1Jhfl4V8YXTe9v8Ro9g','jY0EgOMEyPYiONhdAugu5w','Gj5C_rC9oEsozZBDAvNMYQ');
INSERT INTO "trial" VALUES(19,1,5,14,3,'left','1wioGiICtFZSKiSh3xd7RA','RYSfbhb8owinCvY-dWZkwA','NpUXW0gVXA8sQYaC9qqNlQ');
INSERT INTO "trial" VALUES(20,1,5,1,4,'right','PIA1f0aqoc_vhDpj7ZNP2g','MJVUmDCYlMM5W7raYecK2g','3zyOh65rZJGDKfwhbMYE2A');
INSERT INTO "trial" VALUES(21,1,6,15,1,'right','OdZnM5_InkuG3YbjylPL1w','R--X70TBK-xW2phATlaXeg','cxs2eCr5-UHzx_1DgrVnZQ');
INSERT INTO "trial" VALUES(22,1,6,5,2,'left','HktlsApECMb2cT7nco3W-w','bYr8YJ7xPvixdNxNpBqopw','MvFU-Id9gU9Iy_g4r6HZeg');
INSERT INTO "trial" VALUES(23,1,6,10,3,'right','tg04tBZ5ubUeZKtEwcOktQ','WawgTuRroMQ0R7xbApY08A','rpEhXMovotd1ZwOr_zhypg');
INSERT INTO "trial" VALUES(24,1,6,4,4,'right','89kfH3k14yezVCip7TfIOw','Lvdg2jgqLo_wqyCzdrU2QA','axbjkDnFCr59AWkyQyRelw');
INSERT INTO "trial" VALUES(25,1,7,12,1,'left','NZ4UmdrUGB0w6vwgKps-gw','xn2TH3UEzxEd8OUyDmx6UQ','ar3Mn-lMP0pnSqSbMn7QsQ');
INSERT INTO "trial" VALUES(26,1,7,3,2,'right','8LQF7eZvqfPnFZPKC9Zmqw','8DYPAD5XCzA3AO1ggEyHMg','9zTZtNKsDevq2qikGn61yw');
INSERT INTO "trial" VALUES(27,1,7,6,3,'right','JGIguBsfZE9wQS9-ANi-0Q','FoG6L3w9IBAjJviwiKAJmQ','xkldE5YhF0ne5S1k3c_9dg');
INSERT INTO "trial" VALUES(28,1,7,13,4,'left','NP3UkA21O3pYIGpn65TK8g','V0JkH5BAzsYGOOp5Nbgsjw','S1ZpgYv0f1LfrXHheArDcg');
CREATE TABLE visit (
	participant_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	began_at DATETIME NOT NULL, 
	refresh_rate_hz DOUBLE, 
	screen_width INTEGER NOT NULL, 
	screen_height INTEGER NOT NULL, 
	device_pixel_ratio DOUBLE NOT NULL, 
	color_depth INTEGER NOT NULL, 
	touch_points INTEGER NOT NULL, 
	language VARCHAR(35) NOT NULL, 
	sends_images BOOLEAN, 
	PRIMARY KEY (participant_id, number), 
	FOREIGN KEY(participant_id) REFERENCES participant (id)
);
INSERT INTO "visit" VALUES(1,1,'2026-11-27 05:26:59.787449',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(1,2,'2026-11-27 05:26:59.879387',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(2,1,'2026-11-27 05:27:00.185485',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(3,1,'2026-11-27 05:27:00.345879',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(4,1,'2026-11-27 05:27:00.505793',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(6,1,'2026-11-27 05:27:00.934833',60.0,1920,1080,1.25,24,0,'en',1);
INSERT INTO "visit" VALUES(7,1,'2026-11-27 05:27:01.426697',60.0,1920,1080,1.25,24,0,'en',1);
CREATE INDEX ix_participant_address ON participant (study_id, address);
CREATE INDEX ix_participant_waiting ON participant (study_id, last_seen_at);
CREATE INDEX ix_id_use_address ON id_use (study_id, address, at);
CREATE INDEX ix_login_study_id ON login (study_id);
CREATE INDEX ix_calibration_participant_id ON calibration (participant_id);
CREATE INDEX ix_event_participant_id ON event (participant_id);
CREATE INDEX ix_event_study_id ON event (study_id);
CREATE INDEX ix_trial_pair ON trial (pair_id);
COMMIT;
