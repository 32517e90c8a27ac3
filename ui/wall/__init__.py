"""The wall: many pictures to look at, select and label by mouse, finger or keyboard.

wall.py     its typed face: tiles in, selection and acts out
wall.html, wall.css, wall.js   what the browser runs; data reach it as data, never as code
"""
