PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO schema_version VALUES(1);
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	settings VARCHAR NOT NULL, 
	manifest_sha256 VARCHAR(64) NOT NULL, 
	simulation_key VARCHAR(64) NOT NULL, 
	frozen_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO study VALUES(1,'before','{"completion": {"code": ""}, "display": {"background": "#808080", "fixation_ms": 0, "gap_px": 20, "inter_trial_ms": 250, "key_different": "j", "key_same": "f", "pixel_scale": 0, "time_limit_ms": 0}, "practice": {"images": "demo", "shifts": [3, 0, 3, 0]}, "questions": [{"id": "age", "options": ["under 20", "20–35", "36–50", "51–65", "over 65", "I prefer not to say"], "text": "How old are you?"}, {"id": "background", "options": ["arts", "business", "computer science", "education", "engineering", "medicine", "natural sciences", "other"], "text": "What is your professional background?"}], "stimuli": {"count": 4, "direction": "right", "max_shift": 3, "seed": 3, "size": 32, "source": "demo"}, "study": {"contact": "", "name": "before", "title": "Seeing small shifts"}, "texts": {"consent": "You are invited to take part in a study of how well people see small shifts in images.\n\nYou will look at pairs of pictures and say of each pair whether the two are the same or different. It takes about ten minutes. There are no known risks. We record your answers, how long each takes, and the size and resolution of your browser window; nothing that identifies you.\n\nTaking part is voluntary: you can stop at any time by closing this page.", "instructions": "You will see two pictures side by side, one pair at a time. Both are cut from the same photograph.\n\nIn some pairs the two are exactly the same. In the others, one has been shifted by a few pixels: everything in it lies a little to the side. There may or may not be a shift; often it is hard to tell.\n\nSay whether the two pictures are the same or different. Only a shift matters: colours, sharpness and content never differ. Take the time you need.", "question": "Are the two images the same or different?", "thanks": "Your answers have been saved. Thank you for taking part."}, "trials": {"per_shift": 1, "seed": 3, "slot_timeout_minutes": 60.0, "strategy": "balanced"}}','526bc0883d69a6a737060d0f525d84756b866dad0a1672fabb5534e11773bea6','j0eE4rTpYKbQu8o8LpQvXQ','2026-11-23 01:08:47.452724');
CREATE TABLE image (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	source_file VARCHAR NOT NULL, 
	licence VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, name), 
	UNIQUE (id, study_id), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO image VALUES(1,1,'00001','astronaut.png','public domain');
INSERT INTO image VALUES(2,1,'00002','coffee.png','CC0 1.0');
INSERT INTO image VALUES(3,1,'00003','hubble_deep_field.jpg','public domain');
INSERT INTO image VALUES(4,1,'00004','retina.jpg','CC0 1.0');
CREATE TABLE participant (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	token VARCHAR(64) NOT NULL, 
	slot INTEGER, 
	stage VARCHAR(16) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	consented_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	completion_code VARCHAR(64), 
	PRIMARY KEY (id), 
	UNIQUE (study_id, number), 
	UNIQUE (study_id, slot), 
	UNIQUE (id, study_id), 
	CHECK (stage IN ('instructions', 'practice', 'trials', 'questions', 'finished')), 
	CHECK ((stage = 'finished') = (completion_code IS NOT NULL)), 
	CHECK ((stage = 'finished') = (finished_at IS NOT NULL)), 
	FOREIGN KEY(study_id) REFERENCES study (id), 
	UNIQUE (token)
);
INSERT INTO participant VALUES(1,1,1,'token-of-anna-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',0,'finished',0,'2026-11-23 01:08:47.452724','2026-11-23 01:08:47.512427','2026-11-23 01:08:47.512427','CAS53VSVR9');
INSERT INTO participant VALUES(2,1,2,'token-of-ben-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',1,'finished',0,'2026-11-23 01:08:47.515558','2026-11-23 01:08:47.546671','2026-11-23 01:08:47.546671','ZZ5TDHWRC3');
INSERT INTO participant VALUES(3,1,3,'token-of-carla-xxxxxxxxxxxxxxxxxxxxxxxxxxxx',2,'questions',0,'2026-11-23 01:08:47.548860','2026-11-23 01:08:47.576318',NULL,NULL);
INSERT INTO participant VALUES(4,1,4,'token-of-dora-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',NULL,'trials',0,'2026-11-23 01:08:47.579112','2026-11-22 22:08:47.617428',NULL,NULL);
INSERT INTO participant VALUES(5,1,5,'token-of-emil-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',NULL,'practice',0,'2026-11-23 01:08:47.598753','2026-11-22 22:08:47.617428',NULL,NULL);
INSERT INTO participant VALUES(6,1,6,'token-of-fred-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',5,'instructions',0,'2026-11-23 01:08:47.609240','2026-11-23 01:08:47.609240',NULL,NULL);
INSERT INTO participant VALUES(7,1,7,'token-of-gina-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',3,'trials',0,'2026-11-23 01:08:47.619565','2026-11-23 01:08:47.635936',NULL,NULL);
CREATE TABLE pair (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	shift_px INTEGER NOT NULL, 
	direction VARCHAR(5) NOT NULL, 
	reference_file VARCHAR NOT NULL, 
	stimulus_file VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (image_id, shift_px), 
	UNIQUE (study_id, name), 
	UNIQUE (id, study_id), 
	FOREIGN KEY(image_id, study_id) REFERENCES image (id, study_id), 
	CHECK (shift_px >= 0), 
	CHECK (direction IN ('right', 'left', 'up', 'down'))
);
INSERT INTO pair VALUES(1,1,1,'00001_n-0',0,'right','stimuli/00001_n-0.png','stimuli/00001_n-0.png');
INSERT INTO pair VALUES(2,1,1,'00001_n-1',1,'right','stimuli/00001_n-0.png','stimuli/00001_n-1.png');
INSERT INTO pair VALUES(3,1,1,'00001_n-2',2,'right','stimuli/00001_n-0.png','stimuli/00001_n-2.png');
INSERT INTO pair VALUES(4,1,1,'00001_n-3',3,'right','stimuli/00001_n-0.png','stimuli/00001_n-3.png');
INSERT INTO pair VALUES(5,1,2,'00002_n-0',0,'right','stimuli/00002_n-0.png','stimuli/00002_n-0.png');
INSERT INTO pair VALUES(6,1,2,'00002_n-1',1,'right','stimuli/00002_n-0.png','stimuli/00002_n-1.png');
INSERT INTO pair VALUES(7,1,2,'00002_n-2',2,'right','stimuli/00002_n-0.png','stimuli/00002_n-2.png');
INSERT INTO pair VALUES(8,1,2,'00002_n-3',3,'right','stimuli/00002_n-0.png','stimuli/00002_n-3.png');
INSERT INTO pair VALUES(9,1,3,'00003_n-0',0,'right','stimuli/00003_n-0.png','stimuli/00003_n-0.png');
INSERT INTO pair VALUES(10,1,3,'00003_n-1',1,'right','stimuli/00003_n-0.png','stimuli/00003_n-1.png');
INSERT INTO pair VALUES(11,1,3,'00003_n-2',2,'right','stimuli/00003_n-0.png','stimuli/00003_n-2.png');
INSERT INTO pair VALUES(12,1,3,'00003_n-3',3,'right','stimuli/00003_n-0.png','stimuli/00003_n-3.png');
INSERT INTO pair VALUES(13,1,4,'00004_n-0',0,'right','stimuli/00004_n-0.png','stimuli/00004_n-0.png');
INSERT INTO pair VALUES(14,1,4,'00004_n-1',1,'right','stimuli/00004_n-0.png','stimuli/00004_n-1.png');
INSERT INTO pair VALUES(15,1,4,'00004_n-2',2,'right','stimuli/00004_n-0.png','stimuli/00004_n-2.png');
INSERT INTO pair VALUES(16,1,4,'00004_n-3',3,'right','stimuli/00004_n-0.png','stimuli/00004_n-3.png');
CREATE TABLE question_answer (
	participant_id INTEGER NOT NULL, 
	question VARCHAR(40) NOT NULL, 
	answer VARCHAR(500) NOT NULL, 
	PRIMARY KEY (participant_id, question), 
	FOREIGN KEY(participant_id) REFERENCES participant (id)
);
INSERT INTO question_answer VALUES(1,'age','20–35');
INSERT INTO question_answer VALUES(1,'background','arts');
INSERT INTO question_answer VALUES(2,'age','36–50');
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
INSERT INTO trial VALUES(1,1,1,10,1,'left','L5Eb-q0UAhCWe3YaHy9lcg','roxudUwnrKVcoS8XN5sFRA','wrwwsjN-nI5OS9TE6KMlMA');
INSERT INTO trial VALUES(2,1,1,8,2,'left','HUvs8rcmYigs13fbbEJ5Lw','4DTTCjjGCjxuGT1swwvmtA','C3jjHAhK_GoqWef50xWN5w');
INSERT INTO trial VALUES(3,1,1,15,3,'right','1_J3uVDOXuq8L_g730lTfg','W_5YPqP7g0gAKcKNZdyHtw','d5VSMt5PPfZtKnNcOvmznw');
INSERT INTO trial VALUES(4,1,1,1,4,'right','zhBDBaOIZAg7GggVaIB_RQ','YuHZNls0UIBAnaQesy9QUA','h20j2R8v8sacIKRHTSMrbA');
INSERT INTO trial VALUES(5,1,2,5,1,'left','1TlNRpARJ0QD2qtBJ8tPiw','IVOURji7CPQ57B5pSLgm-w','t_BwHkCjoyx9QKpnDlxJiQ');
INSERT INTO trial VALUES(6,1,2,11,2,'left','lxipJJag63zdiel1JqvzaA','BdsmnhrNBdnbg5VZKjvO5w','I4VIJ-8nzbhlEaWFTpL5bg');
INSERT INTO trial VALUES(7,1,2,14,3,'left','7aJfr8n6yP6v1CKbfEBPSA','U3C38EBl0PMne03pjO9cKA','dXiksEUzhMgZHSs3kUHPRg');
INSERT INTO trial VALUES(8,1,2,4,4,'left','uHIgfGi3HY7999EKUKHErA','KS-OYVncMeopyp19hjsQmw','wGxIHFz-TITpP_LSwv7iRw');
INSERT INTO trial VALUES(9,1,3,2,1,'right','qO-Er_gttpg9dmkSgdbJ3Q','iQqG2EIO4fT-BvlOHPNIyw','BaEy1k-6_DqBBXI83B0rYA');
INSERT INTO trial VALUES(10,1,3,7,2,'right','Qqxq2dEmlWTLz7KiW2l3ig','Wka1q7CfYErPhc5EgMWbGA','FDElNQ-GpeG1c9n1muyJhw');
INSERT INTO trial VALUES(11,1,3,16,3,'left','N-gPeq9XZQyxLoIaNRDEaA','X8utGzVNGffwY5utSm2JqA','dia7s7hj5Xm50mqTvOKScA');
INSERT INTO trial VALUES(12,1,3,9,4,'right','Xb86oSi2MuMU_y6x2YqxXw','B6NvUPFVsCwNmjfsM_7-hQ','s_n2mf15RtzD-AETcX4zaw');
INSERT INTO trial VALUES(13,1,4,13,1,'right','qF7VFSyGRS0JIvhCmPbSDw','Nd3ubN9D5H8lk6rwOdNkpQ','OfqxTCQ54ExN5qwUsy1_Rw');
INSERT INTO trial VALUES(14,1,4,6,2,'left','injCmyuVnLHZRP965IJvNg','0VCVtKNFdf-7oTHH5PpsEw','dr59WZgZl_TNd5gSjStntQ');
INSERT INTO trial VALUES(15,1,4,12,3,'left','rBGMh9Isnyx2BKQwOAe1DQ','uFEUqIkjGi3PMqIIeEtuRw','FAq3uLT0S8IYl8FNGe9w5w');
INSERT INTO trial VALUES(16,1,4,3,4,'right','rzvPbCFz2CB2nbMVl4eQiw','5NmPSHeYs3glN473rc5aqw','RILa_Auy12E_kL8nXmA_BA');
INSERT INTO trial VALUES(17,1,5,12,1,'left','Xu09KaUvBgyRte8MvGOBnw','V8RS0yKtvXKLEnrtHUD80Q','WRwfKtKgUaqh9OpdY3htVg');
INSERT INTO trial VALUES(18,1,5,7,2,'right','_X-LPyGoH0hDy8p_Z0wdZQ','au4I1xJ3uzPgSRCiMzmtSw','6ZNIzZTCb8TwOjixuZRPGg');
INSERT INTO trial VALUES(19,1,5,14,3,'left','dQXzAPSWL_0UoKKWdUoW5A','cF3BrLr1VlO19f6FgnUScQ','JhtvoQYtPWpMc0ebQYE-Xw');
INSERT INTO trial VALUES(20,1,5,1,4,'right','PzTuSbpxHaWEl1AkLmD19Q','piFUhD_oaweNy1nvUrk2CQ','_tZM-1yeXN13NhDscVt03Q');
INSERT INTO trial VALUES(21,1,6,15,1,'right','ghEOZJcpL0K-bzkNTdOi7g','J4n4mfkBBsj7UpYyBTWmIg','cT92dPVpGXeHf-dOthcddQ');
INSERT INTO trial VALUES(22,1,6,5,2,'left','s0o9h1-NUt8dRcOjcfnSbQ','LPSC-N8viVK90ApL3Gv-ZQ','zLNrzN2MxLKMAWuqE438Gg');
INSERT INTO trial VALUES(23,1,6,10,3,'right','O_FL6eS_MWkI_xzB9ho5kw','U_VFxonNeahn36FuDZLiew','Ej5Z3jn-5wPA8_bha_Y9sQ');
INSERT INTO trial VALUES(24,1,6,4,4,'right','q6irwb-gZd6d6B6o8WnLLw','j-0b6B-ET7tvVIW_pek_uw','nUiRhmj8uGOCclHwhF2k0A');
INSERT INTO trial VALUES(25,1,7,12,1,'left','SgAxy-WboIAbR065PnLX4A','51j-rSJpH5kJXEcCYG2vAQ','7o7wOY6_wbzboLbLl7SJAw');
INSERT INTO trial VALUES(26,1,7,3,2,'right','45ZRw-jVaRe3t3R52oS5Lw','gRX83mrlhkLUB180aE5vNA','RxOrum6w-nm6BG3uyTXO-A');
INSERT INTO trial VALUES(27,1,7,6,3,'right','Mf9iT0KvUVuAxAcKU8s4Pg','jljlF84-urmDdl1UHe-5OQ','zXOh_is_j3AOxyNG4P-TLQ');
INSERT INTO trial VALUES(28,1,7,13,4,'left','Obn5HkpJa9jxGWXkBMPu2Q','ZbvH7jkP9KqNHN0FQavXiw','gPlwe4m51esd3C_2BbR9Dg');
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
	answered_at DATETIME NOT NULL, 
	PRIMARY KEY (trial_id), 
	CHECK (response IN ('same', 'different')), 
	CHECK (reaction_time_ms >= 0), 
	CHECK (device_pixel_ratio > 0), 
	CHECK (pixel_scale >= 1), 
	CHECK (viewport_width >= 1 AND viewport_height >= 1), 
	FOREIGN KEY(trial_id) REFERENCES trial (id), 
	UNIQUE (idempotency_key)
);
INSERT INTO response VALUES(1,'key-L5Eb-q0UAhCWe3YaHy9lcg','different',612.5,1.5,1,1280,720,0,'2026-11-23 01:08:47.493122');
INSERT INTO response VALUES(2,'key-HUvs8rcmYigs13fbbEJ5Lw','different',643.75,1.5,1,1280,720,0,'2026-11-23 01:08:47.500894');
INSERT INTO response VALUES(3,'key-1xJ3uVDOXuq8Lxg730lTfg','different',675.0,1.5,1,1280,720,1,'2026-11-23 01:08:47.504398');
INSERT INTO response VALUES(4,'key-zhBDBaOIZAg7GggVaIBxRQ','same',706.25,1.5,1,1280,720,0,'2026-11-23 01:08:47.508028');
INSERT INTO response VALUES(5,'key-1TlNRpARJ0QD2qtBJ8tPiw','different',612.5,1.5,1,1280,720,0,'2026-11-23 01:08:47.532399');
INSERT INTO response VALUES(6,'key-lxipJJag63zdiel1JqvzaA','same',643.75,1.5,1,1280,720,0,'2026-11-23 01:08:47.535695');
INSERT INTO response VALUES(7,'key-7aJfr8n6yP6v1CKbfEBPSA','same',675.0,1.5,1,1280,720,1,'2026-11-23 01:08:47.539027');
INSERT INTO response VALUES(8,'key-uHIgfGi3HY7999EKUKHErA','same',706.25,1.5,1,1280,720,0,'2026-11-23 01:08:47.542601');
INSERT INTO response VALUES(9,'key-qO-Erxgttpg9dmkSgdbJ3Q','different',612.5,1.5,1,1280,720,0,'2026-11-23 01:08:47.565926');
INSERT INTO response VALUES(10,'key-Qqxq2dEmlWTLz7KiW2l3ig','different',643.75,1.5,1,1280,720,0,'2026-11-23 01:08:47.569582');
INSERT INTO response VALUES(11,'key-N-gPeq9XZQyxLoIaNRDEaA','different',675.0,1.5,1,1280,720,1,'2026-11-23 01:08:47.573025');
INSERT INTO response VALUES(12,'key-Xb86oSi2MuMUxy6x2YqxXw','same',706.25,1.5,1,1280,720,0,'2026-11-23 01:08:47.576318');
INSERT INTO response VALUES(13,'key-qF7VFSyGRS0JIvhCmPbSDw','same',612.5,1.5,1,1280,720,0,'2026-11-23 01:08:47.593360');
INSERT INTO response VALUES(14,'key-injCmyuVnLHZRP965IJvNg','different',643.75,1.5,1,1280,720,0,'2026-11-23 01:08:47.596521');
INSERT INTO response VALUES(25,'key-SgAxy-WboIAbR065PnLX4A','different',612.5,1.5,1,1280,720,0,'2026-11-23 01:08:47.635936');
CREATE INDEX ix_trial_pair ON trial (pair_id);
COMMIT;
