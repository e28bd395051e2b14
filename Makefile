.PHONY: demo check test lint

demo:
	script/demo

check test:
	script/test

lint:
	script/lint
