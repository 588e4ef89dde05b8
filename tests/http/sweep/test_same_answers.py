from __future__ import annotations

from dataclasses import replace
from collections import Counter
import re, json
import pytest
from tests.http.sweep.calling import Door, came_of
from tests.http.sweep.listening import listening
from tests.http.sweep.operations import ON_A_CASE, ABOUT_A_CASE, ON_REQUESTS, ON_LEADS, ROWS, PLACES
from tests.http.sweep.worlds import EVERYONE, SOME, Cell, Furnished
from tests.http.sweep.test_sweep import expected

CODE=re.compile(r"(GT|[A-Z])-[0-9A-Z]{4}(-[0-9A-Z]{4}){2}|GT-[0-9]{4}|[a-z]{12}")

def absent(world):
    asked={k: replace(v, exact=replace(v.exact, request="R-0000-0000-0000")) for k,v in world.asked.items()}
    return replace(world, case="GT-9999", lead="L-0000-0000-0000", webhook="W-0000-0000-0000", recovery="V-0000-0000-0000", glass="E-0000-0000-0000", token=12*"c", link=12*"d", asked=asked)

def said(answer):
    body=answer.text
    h={k:v for k,v in answer.headers.items()}
    for k in list(h):
        if "request" in k: h.pop(k)
    doc=answer.json(); doc.pop("instance",None)
    return answer.status_code, CODE.sub("CODE", json.dumps(doc,ensure_ascii=False)), h

def test_x(door, world):
    other=absent(world)
    erased=replace(other, case=world.erased)
    diff=Counter(); sqld=Counter(); n=0; ex={}; exs={}
    for name,row in ROWS.items():
        one=door.operations[name]
        for cell in SOME:
            want=expected(name,cell)
            if "done" in want: continue
            world.desk.forget()
            a=door.call(name, world, cell) if n==0 else None
            with listening() as h1:
                world.desk.forget()
                a=door.call(name, world, cell)
            if name in ON_A_CASE or name in ABOUT_A_CASE:
                if a.status_code!=404: continue
            with listening() as h2:
                world.desk.forget()
                b=door.call(name, other, cell)
            with listening() as h3:
                world.desk.forget()
                c=door.call(name, erased, cell)
            n+=1
            if said(a)!=said(b): diff[name]+=1; ex.setdefault(name,(cell,said(a),said(b)))
            if name in ON_A_CASE or name in ABOUT_A_CASE:
                if said(c)!=said(b): diff[name+" erased"]+=1; ex.setdefault(name,(cell,said(c),said(b)))
            if h1!=h2: sqld[name]+=1; exs.setdefault(name,(cell,len(h1),len(h2),len(h3)))
    out=[str(n), str(diff)]+[f"{k}: {v}" for k,v in ex.items()]+[str(sqld)]+[f"{k}: {v}" for k,v in exs.items()]
    __import__("pathlib").Path("/tmp/h/SWEEP/same.txt").write_text("\n".join(out))
