-- What facts have to do with in real schemas: five foreign keys in a row, two of them to one table, optional ones, self references, composite keys, a bridge, one name in two schemas.

CREATE SCHEMA crm;
CREATE TABLE country (id smallint PRIMARY KEY, name text NOT NULL);
CREATE TABLE city (id int PRIMARY KEY, name text NOT NULL, country_id smallint NOT NULL REFERENCES country ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE address (id int PRIMARY KEY, street text, city_id int NOT NULL REFERENCES city ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE crm.person (
    id int PRIMARY KEY,
    name text NOT NULL,
    address_id int NOT NULL REFERENCES address ON DELETE CASCADE ON UPDATE CASCADE,
    billing_address_id int REFERENCES address ON DELETE SET NULL ON UPDATE CASCADE,
    manager_id int REFERENCES crm.person ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TABLE person (id int PRIMARY KEY, note text);
CREATE TABLE film (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE film_person (
    film_id int REFERENCES film ON DELETE CASCADE ON UPDATE CASCADE,
    person_id int REFERENCES crm.person ON DELETE CASCADE ON UPDATE CASCADE,
    role text NOT NULL,
    PRIMARY KEY (film_id, person_id)
);
CREATE TABLE screening (
    id bigint PRIMARY KEY,
    film_id int NOT NULL,
    person_id int NOT NULL,
    guest_film_id int,
    guest_person_id int,
    seats int NOT NULL,
    price numeric(8,2) NOT NULL,
    FOREIGN KEY (film_id, person_id) REFERENCES film_person ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (guest_film_id, guest_person_id) REFERENCES film_person ON DELETE SET NULL ON UPDATE CASCADE
);
